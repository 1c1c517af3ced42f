// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Writer;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What programs do all day, done by a thread that has just stored into a region and stores again while at it. */
public enum EverydayJava {
    EXCEPTIONS {
        @Override
        void run(Ledger ledger) {
            int depth = 20;
            try {
                throwFrom(ledger, depth);
                throw new AssertionError("nothing was thrown");
            } catch (Thrown e) {
                check(e.depth == depth && e.getStackTrace().length > depth, "the exception of depth " + e.depth);
            }
        }

        private int throwFrom(Ledger ledger, int depth) {
            ledger.store();
            if (depth == 0) {
                throw new Thrown(20);
            }
            return throwFrom(ledger, depth - 1) + 1;
        }
    },

    NULL_CHECKS {
        @Override
        void run(Ledger ledger) {
            Node[] nodes = {new Node(1), null};
            int caught = 0;
            int sum = 0;
            for (int i = 0; i < 100; i++) {
                ledger.store();
                try {
                    sum += nodes[i & 1].value;
                } catch (NullPointerException e) {
                    caught++;
                }
            }
            check(caught == 50 && sum == 50, caught + " null pointers caught, sum " + sum);
        }
    },

    /** The processor's own exception, which HotSpot turns into Java's. */
    DIVISIONS_BY_ZERO {
        @Override
        void run(Ledger ledger) {
            int caught = 0;
            int sum = 0;
            for (int i = 0; i < 100; i++) {
                ledger.store();
                try {
                    sum += 100 / (i & 1);
                } catch (ArithmeticException e) {
                    caught++;
                }
            }
            check(caught == 50 && sum == 5000, caught + " divisions by zero caught, sum " + sum);
        }
    },

    STACK_OVERFLOW {
        @Override
        void run(Ledger ledger) throws Exception {
            int[] reached = new int[1];
            boolean[] caught = new boolean[1];
            Thread deep = new Thread(
                    null,
                    () -> {
                        try {
                            recurse(ledger, reached, 0);
                        } catch (StackOverflowError e) {
                            caught[0] = true;
                        }
                    },
                    "deep",
                    512 << 10);
            deep.start();
            deep.join();
            check(caught[0] && reached[0] > 100, "overflow caught: " + caught[0] + " at depth " + reached[0]);
            ledger.store();
        }

        private int recurse(Ledger ledger, int[] reached, int depth) {
            ledger.scribble(depth);
            reached[0] = depth;
            return recurse(ledger, reached, depth + 1) + 1;
        }
    },

    CLASS_LOADING {
        @Override
        void run(Ledger ledger) throws Exception {
            ledger.store();
            Class<?> fresh = new FreshLoader().loadClass(CountingClass.class.getName());
            ledger.store();
            IntSupplier counter = (IntSupplier) fresh.getDeclaredConstructor().newInstance();
            ledger.store();
            int first = counter.getAsInt();
            int second = counter.getAsInt();
            check(fresh != CountingClass.class && first == 1 && second == 2, "counted " + first + ", " + second);
        }
    },

    THREADS {
        @Override
        void run(Ledger ledger) throws Exception {
            List<Throwable> failures = new CopyOnWriteArrayList<>();
            List<Thread> threads = new ArrayList<>();
            int[] sum = new int[1];
            for (int i = 1; i <= 3; i++) {
                int number = i;
                ledger.scribble(number);
                Thread thread = new Thread(() -> {
                    synchronized (ledger) {
                        ledger.store();
                        sum[0] += number;
                    }
                });
                thread.setUncaughtExceptionHandler((who, failure) -> failures.add(failure));
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                ledger.scribble(4);
                thread.join();
            }
            check(failures.isEmpty() && sum[0] == 6, "threads ended with " + failures + ", sum " + sum[0]);
        }
    },

    /** On JDKs that have them; their stacks are copied to and from the heap. */
    VIRTUAL_THREADS {
        @Override
        void run(Ledger ledger) throws Exception {
            if (START_VIRTUAL_THREAD == null) {
                return;
            }
            int[] turns = new int[1];
            Runnable work = () -> {
                for (int i = 0; i < 10; i++) {
                    synchronized (ledger) {
                        ledger.store();
                        turns[0]++;
                    }
                    Thread.yield();
                }
            };
            Thread first = (Thread) START_VIRTUAL_THREAD.invoke(null, work);
            Thread second = (Thread) START_VIRTUAL_THREAD.invoke(null, work);
            ledger.scribble(5);
            first.join();
            second.join();
            check(turns[0] == 20, "virtual threads had " + turns[0] + " turns");
        }
    },

    PROCESSES {
        @Override
        void run(Ledger ledger) throws Exception {
            ProcessBuilder builder = new ProcessBuilder("/bin/sh", "-c", "read line; echo \"heard $line\"; exit 7")
                    .redirectErrorStream(true);
            ledger.store();
            Process process = builder.start();
            ledger.store();
            try (Writer input = process.outputWriter(StandardCharsets.UTF_8)) {
                input.write("a word\n");
            }
            ledger.store();
            try (BufferedReader output =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                String heard = output.readLine();
                check("heard a word".equals(heard), "the process said '" + heard + "'");
            }
            ledger.store();
            int status = process.waitFor();
            check(status == 7, "the process ended with " + status);
        }
    },

    PRINTING {
        @Override
        void run(Ledger ledger) {
            ledger.store();
            String text = String.format(Locale.ROOT, "%08x|%s|%.6f|%,d|%b", 0xbeef, "word", Math.PI, 1234567, true);
            check(text.equals("0000beef|word|3.141593|1,234,567|true"), "formatted " + text);
            ledger.store();
            System.out.println(PRINTED + text);
        }
    },

    LAMBDAS {
        @Override
        void run(Ledger ledger) {
            ledger.store();
            int captured = 3;
            Map<Integer, Long> remainders = IntStream.rangeClosed(1, 1000)
                    .map(number -> number * captured)
                    .boxed()
                    .collect(Collectors.groupingBy(number -> number % 5, Collectors.counting()));
            check(remainders.values().stream().allMatch(count -> count == 200), "grouped " + remainders);
            ledger.store();
            long sum =
                    IntStream.rangeClosed(1, 10_000).parallel().asLongStream().sum();
            check(sum == 50_005_000, "sum " + sum);
        }
    },

    MONITORS {
        @Override
        void run(Ledger ledger) throws Exception {
            int[] turn = new int[1];
            Thread other = new Thread(() -> takeTurns(ledger, turn, 1));
            other.start();
            takeTurns(ledger, turn, 0);
            other.join();
            check(turn[0] == 40, "turn " + turn[0]);
        }

        private void takeTurns(Ledger ledger, int[] turn, int mine) {
            for (int i = 0; i < 20; i++) {
                synchronized (turn) {
                    while (turn[0] % 2 != mine) {
                        try {
                            turn.wait();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }
                    ledger.store();
                    turn[0]++;
                    turn.notifyAll();
                }
            }
        }
    },

    GARBAGE {
        @Override
        void run(Ledger ledger) {
            ledger.store();
            Tree tree = Tree.ofDepth(12, ledger);
            Tree before = KEPT.getAndSet(tree);
            ledger.store();
            check(tree.size() == 8191, "a tree of " + tree.size());
            check(before == null || before.size() == 8191, "an older tree changed");
        }
    },

    FLOATING_POINT {
        @Override
        void run(Ledger ledger) {
            ledger.store();
            check(Arrays.equals(EXPECTED_NUMBERS, Arithmetic.compute(ledger)), "floating point results differ");
        }
    };

    /** What a line begins with that {@link #PRINTING} prints. */
    static final String PRINTED = "printed: ";

    /** The last tree, old enough by then for the collector to have moved it. */
    private static final AtomicReference<Tree> KEPT = new AtomicReference<>();

    private static final Method START_VIRTUAL_THREAD = startVirtualThread();
    private static final long[] EXPECTED_NUMBERS = Arithmetic.compute(null);

    /** One round of it; throws what went wrong. */
    abstract void run(Ledger ledger) throws Exception;

    /** To be called before any region is open: results of arithmetic to compare with are taken now. */
    static void prepare() {
        for (int i = 0; i < 200; i++) {
            check(Arrays.equals(EXPECTED_NUMBERS, Arithmetic.compute(null)), "floating point results differ already");
        }
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    private static Method startVirtualThread() {
        try {
            return Thread.class.getMethod("startVirtualThread", Runnable.class);
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    /** A class to be loaded anew; public, since the loaded one is in another package as the JVM sees it. */
    public static final class CountingClass implements IntSupplier {
        private static int count;

        public CountingClass() {}

        @Override
        public int getAsInt() {
            return ++count;
        }
    }

    private static final class FreshLoader extends ClassLoader {
        FreshLoader() {
            super(EverydayJava.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.equals(CountingClass.class.getName())) {
                return super.loadClass(name, resolve);
            }
            try (InputStream stream = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] code = stream.readAllBytes();
                return defineClass(name, code, 0, code.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    private static final class Thrown extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final int depth;

        Thrown(int depth) {
            this.depth = depth;
        }
    }

    private record Node(int value) {}

    private record Tree(Tree left, Tree right) {
        static Tree ofDepth(int depth, Ledger ledger) {
            if (depth == 6) {
                ledger.store();
            }
            return depth == 0 ? new Tree(null, null) : new Tree(ofDepth(depth - 1, ledger), ofDepth(depth - 1, ledger));
        }

        int size() {
            return 1 + (left == null ? 0 : left.size()) + (right == null ? 0 : right.size());
        }
    }

    /** Loops that the compiler turns into vector instructions; one keeps numbers in registers across stores. */
    private static final class Arithmetic {
        private static final int LENGTH = 2048;

        private Arithmetic() {}

        /** The results' bits. @param ledger stored to on the way, or null */
        static long[] compute(Ledger ledger) {
            double[] a = new double[LENGTH];
            double[] b = new double[LENGTH];
            float[] c = new float[LENGTH];
            int[] d = new int[LENGTH];
            for (int i = 0; i < LENGTH; i++) {
                a[i] = 1.0 / (i + 1);
                b[i] = Math.sqrt(i) - 17;
                c[i] = i / 3f;
                d[i] = i * 0x9e3779b9;
            }
            for (int round = 0; round < 4; round++) {
                if (ledger != null) {
                    ledger.store();
                }
                multiplyAndAdd(a, b);
                rotate(c, d);
            }
            long[] bits = new long[3 * LENGTH + 1];
            for (int i = 0; i < LENGTH; i++) {
                bits[i] = Double.doubleToRawLongBits(a[i]);
                bits[LENGTH + i] = Float.floatToRawIntBits(c[i]);
                bits[2 * LENGTH + i] = d[i];
            }
            bits[3 * LENGTH] = Double.doubleToRawLongBits(accumulate(a, b, ledger));
            return bits;
        }

        private static void multiplyAndAdd(double[] a, double[] b) {
            for (int i = 0; i < LENGTH; i++) {
                a[i] = Math.sqrt(Math.abs(a[i] * b[i] + 0.5)) - b[i] / 3;
            }
        }

        private static void rotate(float[] c, int[] d) {
            for (int i = 0; i < LENGTH; i++) {
                c[i] = c[i] * 1.0001f - 0.25f;
            }
            for (int i = 0; i < LENGTH; i++) {
                d[i] = (d[i] << 5 | d[i] >>> 27) ^ d[i] * 7;
            }
        }

        private static double accumulate(double[] a, double[] b, Ledger ledger) {
            double sum = 0;
            double product = 1;
            double least = Double.MAX_VALUE;
            double greatest = -Double.MAX_VALUE;
            for (int i = 0; i < LENGTH; i++) {
                if (ledger != null && i % 64 == 0) {
                    ledger.scribble(i);
                }
                sum += a[i] * b[i];
                product = product * 0.75 + a[i];
                least = Math.min(least, a[i]);
                greatest = Math.max(greatest, b[i]);
            }
            return sum * product + least - greatest;
        }
    }
}
