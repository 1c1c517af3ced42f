// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

/** How a file's bytes reach the medium, and what a crash may tear. */
public enum MediumKind {
    /** A block device behind a page cache: sectors of 512 bytes, each as a whole or not at all. */
    BLOCK(512, 512, "sector"),
    /** Persistent memory behind processor caches: lines of 64 bytes, which tear between words of 8. */
    BYTE_ADDRESSABLE(64, 8, "line");

    private final int unit;
    private final int atom;
    private final String unitName;

    MediumKind(int unit, int atom, String unitName) {
        this.unit = unit;
        this.atom = atom;
        this.unitName = unitName;
    }

    /** Bytes that are usually written together: what a subset is made of. */
    public int unit() {
        return unit;
    }

    /** Bytes that are never torn. */
    public int atom() {
        return atom;
    }

    String unitName() {
        return unitName;
    }
}
