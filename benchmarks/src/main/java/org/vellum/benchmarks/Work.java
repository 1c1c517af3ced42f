// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.util.Arrays;
import java.util.List;

/**
 * A piece of computing that makes no system call and allocates nothing: sorting, or counting in a hash table; in Java,
 * or the same in C ({@code native/src/benchmark_work}). The result depends on the seed alone, not on the language.
 */
abstract class Work {
    private static final String LIBRARY = "vellum_benchmark_work";

    private final String name;

    private Work(String name) {
        this.name = name;
    }

    /** Does it once. */
    abstract long run(long seed);

    @Override
    public String toString() {
        return name;
    }

    /**
     * Each work in each language; they keep their memory.
     *
     * @param sorted how many numbers are sorted
     * @param slots of the hash table, a power of two
     * @param operations on the hash table
     */
    static List<Work> all(int sorted, int slots, int operations) {
        return List.of(
                new JavaSort(sorted),
                new JavaHash(slots, operations),
                new NativeSort(sorted),
                new NativeHash(slots, operations));
    }

    /** The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
    private static long mix(long seed) {
        long value = (seed ^ (seed >>> 30)) * 0xbf58476d1ce4e5b9L;
        value = (value ^ (value >>> 27)) * 0x94d049bb133111ebL;
        return value ^ (value >>> 31);
    }

    private static final class JavaSort extends Work {
        private final long[] values;

        JavaSort(int count) {
            super("sort, Java");
            values = new long[count];
        }

        @Override
        long run(long seed) {
            for (int i = 0; i < values.length; i++) {
                values[i] = mix(seed + i) >>> 1;
            }
            Arrays.sort(values);
            long sum = 0;
            for (long value : values) {
                sum = sum * 31 + value;
            }
            return sum;
        }
    }

    private static final class JavaHash extends Work {
        private final long[] table;
        private final int slots;
        private final int operations;

        JavaHash(int slots, int operations) {
            super("hash table, Java");
            table = new long[2 * slots];
            this.slots = slots;
            this.operations = operations;
        }

        @Override
        long run(long seed) {
            Arrays.fill(table, 0);
            long sum = 0;
            for (int i = 0; i < operations; i++) {
                long key = 1 + Long.remainderUnsigned(mix(seed + i), slots / 2);
                int slot = (int) mix(key) & (slots - 1);
                while (table[2 * slot] != key && table[2 * slot] != 0) {
                    slot = (slot + 1) & (slots - 1);
                }
                table[2 * slot] = key;
                sum = sum * 31 + ++table[2 * slot + 1];
            }
            return sum;
        }
    }

    private static final class NativeSort extends Work {
        private final Function function = function("vellum_benchmark_sort");
        private final Memory values;
        private final long count;

        NativeSort(int count) {
            super("sort, C");
            this.count = count;
            values = new Memory(count * (long) Long.BYTES);
        }

        @Override
        long run(long seed) {
            return function.invokeLong(new Object[] {values, count, seed});
        }
    }

    private static final class NativeHash extends Work {
        private final Function function = function("vellum_benchmark_hash");
        private final Memory table;
        private final long slots;
        private final long operations;

        NativeHash(int slots, int operations) {
            super("hash table, C");
            this.slots = slots;
            this.operations = operations;
            table = new Memory(2L * slots * Long.BYTES);
        }

        @Override
        long run(long seed) {
            return function.invokeLong(new Object[] {table, slots, operations, seed});
        }
    }

    private static Function function(String name) {
        return NativeLibrary.getInstance(LIBRARY, Work.class.getClassLoader()).getFunction(name);
    }
}
