package org.vellum.store.image;

import org.vellum.nativelib.NativeCore;

/** Repair over other files than the kernel's: in the package that keeps this to itself. */
public final class RepairAccess {
    private RepairAccess() {}

    /** @see ImageRepair#replace */
    public static void replace(NativeCore core, StoreFiles files, ImageFiles damaged, ImageFiles repaired) {
        new ImageRepair(core, files).replace(damaged, repaired);
    }
}
