// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLong;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link GuestModeClockIT}: goes in and out of guest mode and asks what time it is and what processor this
 * is; the kernel, and a thread that is never in guest mode, say what the answer must be.
 */
final class ClockAndProcessor {
    static final String ASKED_IN_GUEST_MODE = "asked in guest mode: ";

    private static final int TRANSITIONS = 3000;
    private static final int TRANSITIONS_FOR_EACH_CPU = 150;
    private static final int MASK_SIZE = 128;

    private static final NativeLong CLOCK_GETTIME = new NativeLong(LibC.SYS_CLOCK_GETTIME);

    private final ByteBuffer content;
    private final Kvm.CounterReader counters;
    private final Memory time = new Memory(16);
    private final MachineCode machine = new MachineCode();
    /** What a C library finds the CPU's number by that does not use restartable sequences. */
    private final Function getcpu = Function.getFunction(LibC.INSTANCE.dlsym(
            LibC.INSTANCE.dlopen("linux-vdso.so.1", LibC.RTLD_LAZY | LibC.RTLD_NOLOAD), "__vdso_getcpu"));

    private final Memory cpu = new Memory(Integer.BYTES);

    /** System.nanoTime() as the thread saw it that goes in and out, and as the other did. */
    private volatile long here = System.nanoTime();

    private volatile long there = here;
    private volatile boolean stop;
    private volatile String otherComplaint;

    private int stores;

    private ClockAndProcessor(Region region, Kvm.CounterReader counters) {
        this.content = region.buffer(0, (int) region.size());
        this.counters = counters;
    }

    private void store() {
        int page = stores % (content.capacity() / Ledger.PAGE);
        content.putLong(page * Ledger.PAGE, ++stores);
    }

    private boolean isInGuestMode() {
        return counters != null && counters.isCallerInside();
    }

    private static void leave() {
        LockSupport.parkNanos(1);
    }

    /** Nanoseconds, from the kernel and not from the vDSO. */
    private long ask(int clock) {
        NativeLong result = LibC.INSTANCE.syscall(CLOCK_GETTIME, new NativeLong(clock), time);
        check(result.longValue() == 0, "clock_gettime fails");
        return time.getLong(0) * 1_000_000_000 + time.getLong(Long.BYTES);
    }

    private static long nanoseconds(Instant instant) {
        return instant.getEpochSecond() * 1_000_000_000 + instant.getNano();
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    private static void checkOrder(String what, long... times) {
        for (int i = 1; i < times.length; i++) {
            check(times[i - 1] <= times[i], what + " are not in order: " + Arrays.toString(times));
        }
    }

    /** Runs beside: neither thread's clock is ever behind what it has seen of the other's. */
    private void watch() {
        while (!stop) {
            long seen = here;
            long now = System.nanoTime();
            if (now < seen) {
                otherComplaint = "a thread in host mode is at " + now + " ns, the other was at " + seen + " before";
                return;
            }
            there = now;
        }
    }

    private void checkClock() throws InterruptedException {
        Thread watcher = new Thread(this::watch, "watcher");
        watcher.setDaemon(true);
        watcher.start();
        int inGuestMode = 0;
        for (int i = 0; i < TRANSITIONS; i++) {
            boolean monotonic = i % 2 == 0;
            long before = ask(monotonic ? LibC.CLOCK_MONOTONIC : LibC.CLOCK_REALTIME);
            long seen = there;
            store();
            if (monotonic) {
                long now = System.nanoTime();
                boolean inside = isInGuestMode();
                long again = System.nanoTime();
                long after = ask(LibC.CLOCK_MONOTONIC);
                checkOrder("the kernel's and nanoTime's times", before, now, again, after);
                checkOrder("the other thread's and this thread's times", seen, now);
                here = after;
                inGuestMode += inside ? 1 : 0;
            } else {
                Instant now = Instant.now();
                long milliseconds = System.currentTimeMillis();
                boolean inside = isInGuestMode();
                long after = ask(LibC.CLOCK_REALTIME);
                // Instant has microseconds
                checkOrder("the kernel's and Instant's times", before / 1000, nanoseconds(now) / 1000, after / 1000);
                checkOrder(
                        "the kernel's and currentTimeMillis' times",
                        before / 1_000_000,
                        milliseconds,
                        after / 1_000_000);
                inGuestMode += inside ? 1 : 0;
            }
            check(otherComplaint == null, otherComplaint);
            if (i % 3 == 0) {
                leave();
            }
        }
        stop = true;
        watcher.join();
        check(otherComplaint == null, otherComplaint);
        System.out.println(ASKED_IN_GUEST_MODE + inGuestMode + " of " + TRANSITIONS + " times");
        check(counters == null || inGuestMode > TRANSITIONS / 2, "guest mode was hardly used");
    }

    /** What the thread's processor says of itself that must not depend on the mode. */
    private String processor() {
        int result = getcpu.invokeInt(new Object[] {cpu, null, null});
        return "sched_getcpu " + LibC.INSTANCE.sched_getcpu() + ", vDSO " + (result == 0 ? cpu.getInt(0) : -1)
                + ", TSC_AUX " + machine.timeStampCounterAuxiliary() + ", XCR0 " + machine.extendedControlRegister()
                + ", features " + Arrays.toString(oldFeatures(machine.cpuid(1, 0)));
    }

    /**
     * Those of CPUID 1, which every KVM has. What a KVM may lack on newer processors, and what a guest has then, is a matter of
     * kvm_processor_test.
     */
    private static int[] oldFeatures(int[] leaf) {
        return new int[] {leaf[0], leaf[2], leaf[3]};
    }

    private void checkProcessor() {
        byte[] allowed = new byte[MASK_SIZE];
        check(LibC.INSTANCE.sched_getaffinity(0, new NativeLong(MASK_SIZE), allowed) >= 0, "sched_getaffinity fails");
        for (int number = 0; number < MASK_SIZE * Byte.SIZE; number++) {
            if ((allowed[number / Byte.SIZE] >> number % Byte.SIZE & 1) != 0) {
                byte[] one = new byte[MASK_SIZE];
                one[number / Byte.SIZE] = (byte) (1 << number % Byte.SIZE);
                pin(one);
                checkProcessor(number);
            }
        }
        pin(allowed);
    }

    private static void pin(byte[] mask) {
        check(LibC.INSTANCE.sched_setaffinity(0, new NativeLong(MASK_SIZE), mask) == 0, "sched_setaffinity fails");
    }

    /** The thread is pinned to this CPU. */
    private void checkProcessor(int number) {
        leave();
        check(!isInGuestMode(), "the thread has not left guest mode");
        String inHostMode = processor();
        check(
                inHostMode.startsWith("sched_getcpu " + number + ", vDSO " + number + ","),
                "on CPU " + number + " in host mode: " + inHostMode);
        int inGuestMode = 0;
        for (int i = 0; i < TRANSITIONS_FOR_EACH_CPU; i++) {
            leave();
            store();
            String found = processor();
            boolean inside = isInGuestMode();
            check(
                    found.equals(inHostMode),
                    "on CPU " + number + (inside ? " in guest mode: " : ": ") + found + "; in host mode: "
                            + inHostMode);
            inGuestMode += inside ? 1 : 0;
        }
        System.out.println(
                ASKED_IN_GUEST_MODE + inGuestMode + " of " + TRANSITIONS_FOR_EACH_CPU + " times on CPU " + number);
        check(counters == null || inGuestMode > TRANSITIONS_FOR_EACH_CPU / 2, "guest mode was hardly used");
    }

    /** Arguments: the folder for the region, the VMM. */
    public static void main(String[] arguments) throws Exception {
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size(64 * Ledger.PAGE)
                    .withDirectory(Path.of(arguments[0]))
                    .withVmm(arguments[1]);
            try (Region region = stack.regions().open("clock", options);
                    Kvm.CounterReader counters = arguments[1].equals(Kvm.NAME) ? Kvm.CounterReader.open() : null) {
                ClockAndProcessor test = new ClockAndProcessor(region, counters);
                test.checkClock();
                test.checkProcessor();
            }
        }
    }
}
