// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;

/** The few functions of the C library that the tests call, as native code that knows nothing of Vellum. */
public interface LibC extends Library {
    LibC INSTANCE = Native.load("c", LibC.class);

    int PROT_READ = 1;
    int PROT_WRITE = 2;
    int PROT_EXEC = 4;
    int MAP_PRIVATE = 0x02;
    int MAP_ANONYMOUS = 0x20;
    int MAP_FIXED_NOREPLACE = 0x100000;
    long MAP_FAILED = -1;

    int RTLD_LAZY = 1;
    int RTLD_NOLOAD = 4;

    long SYS_CLOCK_GETTIME = 228;
    int CLOCK_REALTIME = 0;
    int CLOCK_MONOTONIC = 1;

    Pointer memset(Pointer destination, int value, NativeLong length);

    Pointer memcpy(Pointer destination, byte[] source, NativeLong length);

    Pointer mmap(Pointer address, NativeLong length, int protection, int flags, int file, NativeLong offset);

    int munmap(Pointer address, NativeLong length);

    int gettid();

    /** Past the vDSO: the kernel itself answers. */
    NativeLong syscall(NativeLong number, Object... arguments);

    Pointer dlopen(String file, int flags);

    Pointer dlsym(Pointer handle, String symbol);

    int sched_getcpu();

    int sched_getaffinity(int thread, NativeLong maskSize, byte[] mask);

    int sched_setaffinity(int thread, NativeLong maskSize, byte[] mask);

    /** Runs a shell command in a child process, which inherits what is not close-on-exec; returns its wait status. */
    int system(String command);
}
