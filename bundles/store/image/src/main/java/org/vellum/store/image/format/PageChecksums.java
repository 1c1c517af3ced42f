// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.vellum.nativelib.NativeCore;

/**
 * The table of page checksums: four bytes a page, the CRC-32C of the page in the home image. 0 means that the page was
 * never written and holds zeros; a checksum that happens to be 0 is entered as 1.
 *
 * <p>An entry speaks of its page whenever no log record behind the checkpoint touches that page. Between a write of a
 * page and the next checkpoint the two may disagree, and recovery rewrites both: nothing orders them but the log.
 */
public final class PageChecksums {
    public static final int ENTRY_SIZE = 4;

    private static final ByteBuffer ZEROS =
            ByteBuffer.allocate(NativeCore.PAGE_SIZE).asReadOnlyBuffer();

    private PageChecksums() {}

    /** The entry for a page; the buffer spans exactly that page, and its position is left at the end. */
    public static int entry(ByteBuffer page) {
        if (page.remaining() != NativeCore.PAGE_SIZE) {
            throw new IllegalArgumentException(
                    "a page has " + NativeCore.PAGE_SIZE + " bytes, not " + page.remaining());
        }
        CRC32C checksum = new CRC32C();
        checksum.update(page);
        int value = (int) checksum.getValue();
        return value == 0 ? 1 : value;
    }

    /** Whether an entry speaks of this page; the buffer as above. */
    public static boolean fits(int entry, ByteBuffer page) {
        return entry == 0 ? isZero(page) : entry == entry(page);
    }

    /** Whether a page holds zeros; the buffer as above, but left as it is. */
    public static boolean isZero(ByteBuffer page) {
        return page.mismatch(ZEROS.duplicate()) < 0;
    }

    public static long offset(ImageIdentity identity, long page) {
        return identity.tableOffset() + page * ENTRY_SIZE;
    }
}
