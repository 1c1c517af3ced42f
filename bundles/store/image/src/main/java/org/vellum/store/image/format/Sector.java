// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * What the sectors of the header have in common: 512 bytes, an eight-byte magic, a format version in the four bytes
 * behind it, and a CRC-32C of all but itself in the last four. These four facts hold in every version of the format,
 * so that a reader can tell a newer version from damage.
 */
public final class Sector {
    public static final int SIZE = 512;
    public static final int VERSION_AT = 8;
    public static final int CHECKSUM_AT = SIZE - 4;

    /** The version of the on-store format that this build writes; it reads those before it, too. */
    public static final int FORMAT_VERSION = 2;

    private Sector() {}

    static ByteBuffer allocate(long magic) {
        return wrap(new byte[SIZE]).putLong(0, magic).putInt(VERSION_AT, FORMAT_VERSION);
    }

    public static ByteBuffer wrap(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @SuppressWarnings("ByteBufferBackingArray") // it wraps the whole of an array, see wrap
    public static byte[] seal(ByteBuffer sector) {
        sector.putInt(CHECKSUM_AT, checksum(sector));
        return sector.array();
    }

    @SuppressWarnings("ByteBufferBackingArray") // as above
    private static int checksum(ByteBuffer sector) {
        CRC32C checksum = new CRC32C();
        checksum.update(sector.array(), 0, CHECKSUM_AT);
        return (int) checksum.getValue();
    }

    /**
     * The version of a sector that is whole; the sentence names what was found and what was expected.
     *
     * @throws Malformed the sector is damaged, or it was never written as a whole
     */
    public static int versionOf(ByteBuffer sector, long magic, String what) throws Malformed {
        int expected = checksum(sector);
        int found = sector.getInt(CHECKSUM_AT);
        int version = sector.getInt(VERSION_AT);
        if (sector.getLong(0) != magic) {
            throw new Malformed(what + " begins with " + hexadecimal(sector.getLong(0)) + " instead of "
                    + hexadecimal(magic) + ": this is no Vellum image, or its beginning was overwritten");
        }
        if (found != expected) {
            throw new Malformed(what + " has checksum " + hexadecimal(found) + " instead of " + hexadecimal(expected)
                    + (version < 1 || version > FORMAT_VERSION
                            ? ", and names format version " + Integer.toUnsignedString(version)
                            : ""));
        }
        return version;
    }

    /** Where a whole sector is of a version that this build does not know. */
    public static Malformed unknownVersion(String what, int version) {
        return new Malformed(what + " was written by format version " + Integer.toUnsignedString(version)
                + ", this build reads 1 and " + FORMAT_VERSION + ": use a build that knows that version");
    }

    public static String hexadecimal(long value) {
        return String.format(Locale.ROOT, "%016x", value);
    }

    public static String hexadecimal(int value) {
        return String.format(Locale.ROOT, "%08x", value);
    }

    /** A sector that cannot be what it should be. Whoever read it adds file and offset. */
    public static final class Malformed extends Exception {
        private static final long serialVersionUID = 1;

        public Malformed(String message) {
            super(message);
        }
    }
}
