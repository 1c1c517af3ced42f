// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.nio.file.Files;
import java.nio.file.Path;

/** What tests need to know of the KVM VMM: whether this machine can have it, and what it has counted. */
public final class Kvm {
    /** The VMM's name, as regions are opened with it. */
    public static final String NAME = "kvm";

    private static final Path DEVICE = Path.of("/dev/kvm");
    /** Room for every counter there may ever be; the library knows only its structure's size. */
    private static final int COUNTERS_SIZE = 1024;

    private Kvm() {}

    /** Skips the running test, with the reason, if it is to run on KVM and this machine has none for this user. */
    public static void requireFor(String vmm, String what) {
        if (vmm.equals(NAME)) {
            Skip.unless(Files.isReadable(DEVICE) && Files.isWritable(DEVICE), what, DEVICE + " cannot be opened here");
        }
    }

    /**
     * Of the machine of this process, in the order of {@code struct vellum_kvm_counters}
     * (native/include/vellum/kvm.h).
     */
    public record Counters(
            long vcpus,
            long memorySlots,
            long chunks,
            long entries,
            long leaves,
            long leavesForSystemCall,
            long leavesForFault,
            long leavesForSignal,
            long leavesForOther,
            long forwardedSystemCalls,
            long storeFaults,
            long storeFaultsInGuest,
            long hypercalls,
            long kicks,
            long openedInHost) {

        /** Threads that are in guest mode. */
        public long inside() {
            return entries - leaves;
        }
    }

    /** The library's counters, for as long as this is open: it keeps the library loaded. One thread at a time. */
    public static final class CounterReader implements AutoCloseable {
        private final NativeLibrary library;
        private final com.sun.jna.Function function;
        private final Memory memory = new Memory(COUNTERS_SIZE);
        private final Object[] arguments = {memory};

        private CounterReader(NativeLibrary library) {
            this.library = library;
            this.function = library.getFunction("vellum_vmm_kvm_read_counters");
        }

        /** The provider has loaded the library already: this finds it by its SONAME. */
        public static CounterReader open() {
            return new CounterReader(NativeLibrary.getInstance("libvellum_vmm_kvm.so"));
        }

        public Counters read() {
            function.invokeVoid(arguments);
            return new Counters(
                    at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11), at(12),
                    at(13), at(14));
        }

        /**
         * Whether the calling thread is in guest mode, when no other thread may be. Looks and makes no system call, so
         * that the thread stays where it is.
         */
        public boolean isCallerInside() {
            function.invokeVoid(arguments);
            return at(3) != at(4);
        }

        private long at(int index) {
            return memory.getLong((long) index * Long.BYTES);
        }

        @Override
        public void close() {
            library.close();
        }
    }
}
