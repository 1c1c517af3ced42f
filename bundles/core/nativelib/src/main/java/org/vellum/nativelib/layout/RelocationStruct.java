// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import java.nio.ByteBuffer;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.Relocation;

/** {@code struct vellum_relocation}. */
public final class RelocationStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_relocation");
    private static final int TO_IN_PLACE = LAYOUT.int64("to_in_place");
    private static final int COMMITTED = LAYOUT.int64("committed");
    private static final int HOME_FILE = LAYOUT.int64("home_file");
    private static final int HOME_OFFSET = LAYOUT.int64("home_offset");
    private static final int MAP_SYNC = LAYOUT.int64("map_sync");
    private static final int IN_PLACE = LAYOUT.struct("in_place", InPlaceStruct.LAYOUT);

    private RelocationStruct() {
        super(LAYOUT);
    }

    /** The argument for C: null where nothing moves. */
    public static ByteBuffer of(Relocation relocation) {
        if (relocation instanceof Relocation.ToWorkingImage out) {
            RelocationStruct struct = new RelocationStruct();
            struct.set(COMMITTED, out.committedView());
            return struct.memory();
        }
        if (relocation instanceof Relocation.ToHomeImage in) {
            InPlace inPlace = in.inPlace();
            RelocationStruct struct = new RelocationStruct();
            struct.set(TO_IN_PLACE, 1);
            struct.set(HOME_FILE, inPlace.homeFile());
            struct.set(HOME_OFFSET, inPlace.homeOffset());
            struct.set(MAP_SYNC, inPlace.synchronous() ? 1 : 0);
            InPlaceStruct.write(inPlace, struct, IN_PLACE);
            return struct.memory();
        }
        return null;
    }
}
