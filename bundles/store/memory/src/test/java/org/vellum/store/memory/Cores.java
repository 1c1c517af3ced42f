// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.nativelib.internal.JnaNativePersistence;

/** The one native core of the test process, and its persistence. */
final class Cores {
    static final NativeCore CORE = new JnaNativeCore();
    static final NativePersistence PERSISTENCE = new JnaNativePersistence();

    private Cores() {}
}
