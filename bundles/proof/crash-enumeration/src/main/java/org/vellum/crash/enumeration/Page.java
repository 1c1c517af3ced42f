// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** 4096 bytes that do not change any more, shared by the images that hold them. */
final class Page {
    static final int SIZE = 4096;

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long PRIME = 0x9E3779B97F4A7C15L;

    /** Never written to once it is here. */
    final byte[] bytes;

    private long hash;
    private boolean hashed;

    Page(byte[] bytes) {
        this.bytes = bytes;
    }

    /** 0 for zeros: a page of them is the same as none. */
    long hash() {
        if (!hashed) {
            hash = isZero() ? 0 : hash(bytes) | 1;
            hashed = true;
        }
        return hash;
    }

    private static long hash(byte[] bytes) {
        long value = PRIME;
        for (int i = 0; i < bytes.length; i += Long.BYTES) {
            value = mix(value, (long) LONGS.get(bytes, i));
        }
        return value;
    }

    static long mix(long value, long next) {
        long mixed = (value ^ next) * PRIME;
        return mixed ^ (mixed >>> 32) ^ (mixed << 17);
    }

    private boolean isZero() {
        for (int i = 0; i < SIZE; i += Long.BYTES) {
            if ((long) LONGS.get(bytes, i) != 0) {
                return false;
            }
        }
        return true;
    }
}
