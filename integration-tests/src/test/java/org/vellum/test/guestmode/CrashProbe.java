// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Stack;

/** The child of {@link GuestModeCrashReportIT}: ends the JVM by a wild pointer, on KVM surely in guest mode. */
final class CrashProbe {
    /** In no mapping of any process: the last page of the lower half is never given out. */
    static final long WILD = 0x7ffffffff000L;

    private static final int ATTEMPTS = 1000;

    /** Who follows the pointer. */
    enum Culprit {
        LIBC {
            @Override
            void follow(long address) {
                LibC.INSTANCE.memset(new Pointer(address), 0x55, new NativeLong(64));
            }
        },
        UNSAFE {
            @Override
            void follow(long address) throws Throwable {
                PUT_LONG.invokeExact(address, 0x55L);
            }
        };

        private static final MethodHandle PUT_LONG = unsafePutLong();

        abstract void follow(long address) throws Throwable;

        private static MethodHandle unsafePutLong() {
            try {
                Class<?> unsafe = Class.forName("sun.misc.Unsafe");
                Field instance = unsafe.getDeclaredField("theUnsafe");
                instance.setAccessible(true);
                return MethodHandles.lookup()
                        .findVirtual(unsafe, "putLong", MethodType.methodType(void.class, long.class, long.class))
                        .bindTo(instance.get(null));
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private CrashProbe() {}

    /** Arguments: the folder for the region, the VMM, the culprit. Exit status 0 if the JVM does not crash. */
    public static void main(String[] arguments) throws Throwable {
        Culprit culprit = Culprit.valueOf(arguments[2]);
        boolean guestMode = arguments[1].equals(Kvm.NAME);
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size(Ledger.PAGE)
                    .withDirectory(Path.of(arguments[0]))
                    .withVmm(arguments[1]);
            Region region = stack.regions().open("crash", options);
            ByteBuffer content = region.buffer(0, (int) region.size());
            Kvm.CounterReader counters = guestMode ? Kvm.CounterReader.open() : null;
            // first to where it may, so that everything on the way is loaded and linked
            culprit.follow(region.address());
            for (int i = 0; i < ATTEMPTS; i++) {
                content.putLong(128, i);
                if (!guestMode || counters.isCallerInside()) {
                    culprit.follow(WILD);
                }
            }
        }
        System.out.println("the thread was never in guest mode, or a wild pointer is harmless");
        System.exit(0);
    }
}
