// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What this process holds: a leak shows in the numbers of two moments.
 *
 * @param files file descriptors; a store's image and log, a working image's memory, a virtual machine, an userfaultfd
 * @param mappings of the address space, but for those that are counted by themselves:
 * @param libraries those of bundles' native libraries, which an update replaces
 * @param images those of regions' files and of their working images
 * @param threads as the kernel counts them
 * @param classes that are loaded
 * @param nativeKiB anonymous memory that is resident, less what the JVM has committed for compiled code and metaspace.
 *     All of the heap is touched when the process starts, so what this grows by is allocations and stacks
 * @param sharedKiB shared memory that is resident, such as working images; once for each mapping of it
 * @param virtualMiB size of the address space: reservations that are next to each other count as one mapping, so that
 *     their number alone hides them
 */
record Holdings(
        long files,
        long mappings,
        long libraries,
        long images,
        long threads,
        long classes,
        long nativeKiB,
        long sharedKiB,
        long virtualMiB) {
    private static final Path PROCESS = Path.of("/proc/self");
    /** As JNA names the files that it unpacks libraries to. */
    private static final String LIBRARY = "/jna";

    private static final String WORKING_IMAGE = "/memfd:vellum";
    private static final String REGION_FILE = ".vellum";
    /** The pool that is a part of the pool Metaspace. */
    private static final String IN_METASPACE = "Compressed Class Space";

    /** After a garbage collection, which is what releases what only garbage holds. */
    static Holdings count() throws IOException {
        System.gc();
        List<String> mappings = Files.readAllLines(PROCESS.resolve("maps"));
        long libraries =
                mappings.stream().filter(line -> line.contains(LIBRARY)).count();
        long images = mappings.stream()
                .filter(line -> line.contains(WORKING_IMAGE) || line.contains(REGION_FILE))
                .count();
        List<String> status = Files.readAllLines(PROCESS.resolve("status"));
        return new Holdings(
                entries("fd"),
                mappings.size() - libraries - images,
                libraries,
                images,
                entries("task"),
                ManagementFactory.getClassLoadingMXBean().getLoadedClassCount(),
                kibibytes(status, "RssAnon:") - codeAndMetaspace(),
                kibibytes(status, "RssShmem:"),
                kibibytes(status, "VmSize:") >> 10);
    }

    /** As words of the line that {@link SoakApplication} describes. */
    @Override
    public String toString() {
        return "files=" + files + " mappings=" + mappings + " libraries=" + libraries + " images=" + images
                + " threads=" + threads + " classes=" + classes + " nativeKiB=" + nativeKiB + " sharedKiB="
                + sharedKiB + " virtualMiB=" + virtualMiB;
    }

    private static long codeAndMetaspace() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                        .filter(pool -> pool.getType() == MemoryType.NON_HEAP)
                        .filter(pool -> !pool.getName().equals(IN_METASPACE))
                        .mapToLong(pool -> pool.getUsage().getCommitted())
                        .sum()
                >> 10;
    }

    private static long entries(String folder) throws IOException {
        try (Stream<Path> entries = Files.list(PROCESS.resolve(folder))) {
            return entries.count();
        }
    }

    private static long kibibytes(List<String> status, String field) {
        String digits = status.stream()
                .filter(line -> line.startsWith(field))
                .map(line -> line.replaceAll("[^0-9]", ""))
                .collect(Collectors.joining());
        return Long.parseLong(digits);
    }
}
