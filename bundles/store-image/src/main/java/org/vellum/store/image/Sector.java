package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * What the sectors of the header have in common: 512 bytes, an eight-byte magic, a format version in the four bytes
 * behind it, and a CRC-32C of all but itself in the last four. These four facts hold in every version of the format,
 * so that a reader can tell a newer version from damage.
 */
final class Sector {
    static final int SIZE = 512;
    static final int VERSION_AT = 8;
    static final int CHECKSUM_AT = SIZE - 4;

    /** The version of the on-store format that this build writes and reads. */
    static final int FORMAT_VERSION = 1;

    private Sector() {}

    static ByteBuffer allocate(long magic) {
        return wrap(new byte[SIZE]).putLong(0, magic).putInt(VERSION_AT, FORMAT_VERSION);
    }

    static ByteBuffer wrap(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static byte[] seal(ByteBuffer sector) {
        sector.putInt(CHECKSUM_AT, checksum(sector));
        return sector.array();
    }

    private static int checksum(ByteBuffer sector) {
        CRC32C checksum = new CRC32C();
        checksum.update(sector.array(), 0, CHECKSUM_AT);
        return (int) checksum.getValue();
    }

    /** Checks the common parts; the sentence names what was found and what was expected. */
    static void check(ByteBuffer sector, long magic, String what) throws Malformed {
        int expected = checksum(sector);
        int found = sector.getInt(CHECKSUM_AT);
        int version = sector.getInt(VERSION_AT);
        if (sector.getLong(0) != magic) {
            throw new Malformed(what + " begins with " + hexadecimal(sector.getLong(0)) + " instead of "
                    + hexadecimal(magic) + ": this is no Vellum image, or its beginning was overwritten");
        }
        if (version != FORMAT_VERSION) {
            throw new Malformed(what + " was written by format version " + Integer.toUnsignedString(version)
                    + ", this build reads " + FORMAT_VERSION
                    + (found == expected ? ": use a build that knows that version" : " (and its checksum is wrong: "
                            + "it is damaged, or that version computes it otherwise)"));
        }
        if (found != expected) {
            throw new Malformed(what + " has checksum " + hexadecimal(found) + " instead of " + hexadecimal(expected));
        }
    }

    static String hexadecimal(long value) {
        return String.format("%016x", value);
    }

    static String hexadecimal(int value) {
        return String.format("%08x", value);
    }

    /** A sector that cannot be what it should be. Whoever read it adds file and offset. */
    static final class Malformed extends Exception {
        private static final long serialVersionUID = 1;

        Malformed(String message) {
            super(message);
        }
    }
}
