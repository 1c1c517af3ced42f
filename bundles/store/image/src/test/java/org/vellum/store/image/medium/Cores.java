// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.internal.JnaNativeCore;

/** The one native core of the test process. */
public final class Cores {
    public static final NativeCore CORE = new JnaNativeCore();

    private Cores() {}
}
