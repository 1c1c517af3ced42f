// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

/** An option that means nothing, in a sentence for whoever gave it. */
final class WrongUsage extends RuntimeException {
    private static final long serialVersionUID = 1;

    WrongUsage(String sentence) {
        super(sentence);
    }
}
