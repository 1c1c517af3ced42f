package org.vellum.store.image;

import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;

/** Moves over other files than the kernel's: in the package that keeps this to itself. */
public final class MoveAccess {
    private MoveAccess() {}

    /** As {@link Image#open}; the other image of a move is looked for among {@code others}. */
    public static Image open(
            NativeCore core,
            StoreFiles files,
            StoreFiles others,
            ImageFiles names,
            Store.Request request,
            PhaseObserver observer) {
        return Image.open(core, files, others, names, request, observer);
    }
}
