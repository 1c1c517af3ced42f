// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import com.sun.jna.Pointer;
import org.vellum.api.provider.InPlace;

/** {@code struct vellum_in_place}. */
public final class InPlaceStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_in_place");
    private static final int PERSISTENCE = LAYOUT.int64("persistence");
    private static final int IDENTITY = LAYOUT.int64("identity");
    private static final int HOME = LAYOUT.int64("home");
    private static final int EPOCH_WORD = LAYOUT.int64("epoch_word");
    private static final int PAGE_CHECKSUMS = LAYOUT.int64("page_checksums");
    private static final int SLOTS = LAYOUT.int64("slots");
    private static final int SLOT_CONTENTS = LAYOUT.int64("slot_contents");

    // as InPlace says
    private static final long OPENING_IN_UNDO_HEADER = 24;
    private static final long EPOCH_WORD_IN_UNDO_HEADER = 64;

    /** @param inPlace its undo header is mapped */
    public InPlaceStruct(InPlace inPlace) {
        super(LAYOUT);
        write(inPlace, this, 0);
    }

    /** Writes it as a part of another structure. */
    static void write(InPlace inPlace, Struct target, int start) {
        target.set(start + PERSISTENCE, inPlace.persistence());
        target.set(start + IDENTITY, new Pointer(inPlace.undoHeader()).getLong(OPENING_IN_UNDO_HEADER));
        target.set(start + HOME, inPlace.homeImage());
        target.set(start + EPOCH_WORD, inPlace.undoHeader() + EPOCH_WORD_IN_UNDO_HEADER);
        target.set(start + PAGE_CHECKSUMS, inPlace.pageChecksums());
        target.set(start + SLOTS, inPlace.undoSlotHeaders());
        target.set(start + SLOT_CONTENTS, inPlace.undoSlotContents());
    }
}
