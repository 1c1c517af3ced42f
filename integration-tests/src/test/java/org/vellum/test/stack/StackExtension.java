// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.vellum.api.RegionManager;
import org.vellum.test.tool.Stack;

/** One framework with the real bundles for all tests of a class. */
final class StackExtension implements BeforeAllCallback, AfterAllCallback {
    /** The names of the strategies, for tests whose outcome must not depend on the strategy. */
    static final String DIRTY_BIT = "dirty-bit";

    static final String WRITE_PROTECT = "write-protect";

    private Stack stack;

    @Override
    public void beforeAll(ExtensionContext context) {
        stack = Stack.start();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (stack != null) {
            stack.close();
        }
    }

    RegionManager regions() {
        return stack.regions();
    }
}
