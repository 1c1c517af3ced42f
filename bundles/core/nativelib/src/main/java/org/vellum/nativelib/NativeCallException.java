// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

/** A native call was refused. Not thrown by calls whose result is a negative errno. */
public final class NativeCallException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;

    /**
     * @param call the C function's name
     * @param errno positive or negative
     */
    public NativeCallException(String call, int errno) {
        super(call + ": " + Errno.describe(errno));
        this.call = call;
        this.errno = Math.abs(errno);
    }

    /** The C function's name. */
    public String call() {
        return call;
    }

    /** Positive. */
    public int errno() {
        return errno;
    }

    /** The errno in words, without the call's name. */
    public String reason() {
        return Errno.describe(errno);
    }
}
