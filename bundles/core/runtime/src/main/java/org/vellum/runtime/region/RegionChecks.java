// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.util.regex.Pattern;
import org.vellum.api.InvalidRegionException;
import org.vellum.nativelib.NativeCore;

/** What names, sizes and addresses regions may have. */
public final class RegionChecks {
    private static final int LONGEST_NAME = 128;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]+");

    private RegionChecks() {}

    /**
     * @throws InvalidRegionException says what is wrong with the name
     */
    public static void checkName(String name) {
        if (name.isEmpty()) {
            throw new InvalidRegionException("region name '' is empty; " + nameRule());
        }
        if (name.length() > LONGEST_NAME) {
            throw new InvalidRegionException(
                    "region name '" + name.substring(0, 32) + "…' has " + name.length() + " characters; " + nameRule());
        }
        if (name.startsWith(".")) {
            throw new InvalidRegionException("region name '" + name + "' starts with a dot; " + nameRule());
        }
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRegionException(
                    "region name '" + name + "' has characters it must not have; " + nameRule());
        }
    }

    private static String nameRule() {
        return "expected 1 to " + LONGEST_NAME + " of A-Z a-z 0-9 . _ - not starting with a dot";
    }

    /**
     * The next multiple of the page size.
     *
     * @param bytes 0 or more
     * @throws InvalidRegionException there is none
     */
    static long roundUpToPage(String region, long bytes) {
        if (bytes < 0 || bytes > Long.MAX_VALUE - NativeCore.PAGE_SIZE) {
            throw new InvalidRegionException("region '" + region + "': size " + bytes
                    + " cannot be used; expected at least 1 byte and less than" + " the address space");
        }
        return (bytes + NativeCore.PAGE_SIZE - 1) & -NativeCore.PAGE_SIZE;
    }

    /**
     * @throws InvalidRegionException not a multiple of the page size
     */
    static void checkAddress(String region, long address) {
        if (address < 0 || address % NativeCore.PAGE_SIZE != 0) {
            throw new InvalidRegionException("region '" + region + "': address 0x" + Long.toHexString(address)
                    + " is not the start of a page; expected a multiple of " + NativeCore.PAGE_SIZE
                    + ", or 0 to have one chosen");
        }
    }

    /** {@code 0x7000-0x9000}, for messages. */
    static String range(long address, long length) {
        return "0x" + Long.toHexString(address) + "-0x" + Long.toHexString(address + length);
    }
}
