// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

/** The system calls the JDK has no method for. */
final class Kernel {
    static final int O_RDWR = 2;
    static final int O_CLOEXEC = 0x80000;
    static final long MS_DIRSYNC = 128;
    static final long MS_NOATIME = 1024;
    static final int MNT_DETACH = 2;
    static final int SIGKILL = 9;
    static final int EBUSY = 16;

    static {
        Native.register("c");
    }

    private Kernel() {}

    static native int open(String path, int flags) throws LastErrorException;

    static native int close(int descriptor) throws LastErrorException;

    static native int ioctl(int descriptor, long request, long argument) throws LastErrorException;

    static native int ioctl(int descriptor, long request, Pointer argument) throws LastErrorException;

    static native int mount(String source, String target, String type, long flags, String options)
            throws LastErrorException;

    static native int umount2(String target, int flags) throws LastErrorException;

    static native int kill(int process, int signal) throws LastErrorException;

    static native int geteuid();
}
