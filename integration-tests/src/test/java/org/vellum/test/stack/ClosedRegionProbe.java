// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link ClosedRegionsIT}: takes a buffer, runs each access on it until it is compiled, closes the region, and
 * then runs the accesses it was told to, one after the other, until one ends the JVM.
 */
final class ClosedRegionProbe {
    static final int SIZE = 1 << 20;
    static final byte CONTENT = 0x11;
    static final String ATTEMPT = "attempt: ";
    static final String OUTCOME = "outcome: ";

    private static final int OFFSET = SIZE / 2;
    private static final int LENGTH = 256;
    private static final byte BYSTANDER = 0x5a;
    private static final VarHandle LONGS = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final byte[] BYTES = bytes();

    private static long address;
    private static MethodHandle setMemory;

    private ClosedRegionProbe() {}

    /** The ways to reach memory, as far as the JVM treats them differently. */
    enum Access {
        PUT {
            @Override
            void run(ByteBuffer buffer) {
                buffer.putLong(OFFSET, 0x1111_1111_1111_1111L);
            }
        },
        BULK_PUT {
            @Override
            void run(ByteBuffer buffer) {
                buffer.put(OFFSET, BYTES);
            }
        },
        GET {
            @Override
            void run(ByteBuffer buffer) {
                loaded = buffer.getLong(OFFSET);
            }
        },
        CAS {
            @Override
            void run(ByteBuffer buffer) {
                LONGS.compareAndSet(buffer, OFFSET, 0x1111_1111_1111_1111L, 0x1111_1111_1111_1111L);
            }
        },
        SET_MEMORY {
            @Override
            void run(ByteBuffer buffer) throws Throwable {
                setMemory.invokeExact(address + OFFSET, (long) LENGTH, CONTENT);
            }
        },
        NATIVE_MEMSET {
            @Override
            void run(ByteBuffer buffer) {
                LibC.INSTANCE.memset(new Pointer(address + OFFSET), CONTENT, new NativeLong(LENGTH));
            }
        };

        static volatile long loaded;

        abstract void run(ByteBuffer buffer) throws Throwable;
    }

    private static byte[] bytes() {
        byte[] bytes = new byte[LENGTH];
        Arrays.fill(bytes, CONTENT);
        return bytes;
    }

    /** sun.misc.Unsafe, as the libraries that use it get hold of it. */
    private static MethodHandle unsafeSetMemory() throws ReflectiveOperationException {
        Class<?> unsafe = Class.forName("sun.misc.Unsafe");
        Field instance = unsafe.getDeclaredField("theUnsafe");
        instance.setAccessible(true);
        return MethodHandles.lookup()
                .findVirtual(unsafe, "setMemory", MethodType.methodType(void.class, long.class, long.class, byte.class))
                .bindTo(instance.get(null));
    }

    /**
     * Where the error came, or that there was none. The JVM may deliver it at a later statement, and not before it
     * comes to a backward branch or a return: looking at the bystander has plenty of both.
     */
    private static String attempt(Access access, ByteBuffer buffer, Pointer bystander) {
        try {
            try {
                access.run(buffer);
            } catch (InternalError e) {
                return "InternalError";
            } catch (Throwable e) {
                return e.getClass().getSimpleName();
            }
            intact(bystander);
            return "nothing";
        } catch (InternalError e) {
            return "InternalError, later";
        }
    }

    private static Pointer map() {
        Pointer memory = LibC.INSTANCE.mmap(
                null,
                new NativeLong(SIZE),
                LibC.PROT_READ | LibC.PROT_WRITE,
                LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS,
                -1,
                new NativeLong(0));
        LibC.INSTANCE.memset(memory, BYSTANDER, new NativeLong(SIZE));
        return memory;
    }

    private static boolean intact(Pointer memory) {
        for (byte value : memory.getByteArray(0, SIZE)) {
            if (value != BYSTANDER) {
                return false;
            }
        }
        return true;
    }

    /**
     * Arguments: the folder of the region, how often to run each access before the close, then the accesses to run after
     * it, in order.
     */
    public static void main(String[] arguments) throws Throwable {
        setMemory = unsafeSetMemory();
        int warmUp = Integer.parseInt(arguments[1]);
        List<Access> accesses =
                Arrays.stream(arguments).skip(2).map(Access::valueOf).toList();
        try (Stack stack = Stack.start()) {
            Region region =
                    stack.regions().open("closed", RegionOptions.size(SIZE).withDirectory(Path.of(arguments[0])));
            ByteBuffer buffer = region.buffer(0, SIZE);
            address = region.address();
            for (int i = 0; i < SIZE; i += LENGTH) {
                buffer.put(i, BYTES);
            }
            for (Access access : accesses) {
                for (int i = 0; i < warmUp; i++) {
                    access.run(buffer);
                }
            }
            region.commit();
            region.close();
            Pointer bystander = map();
            for (Access access : accesses) {
                System.out.println(ATTEMPT + access);
                String outcome = attempt(access, buffer, bystander);
                if (!intact(bystander)) {
                    outcome = "reached somebody else's memory";
                }
                System.out.println(OUTCOME + outcome);
            }
        }
    }
}
