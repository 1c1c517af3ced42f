// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Where a library is in this process, and which one it is. A pointer to its code or its static variables that an earlier
 * process stored means the same in this one if, and only if, both are equal: the loader puts a library somewhere else in
 * every process (ASLR), and another build has other things at the same places.
 *
 * @param base the address of its first byte
 * @param content a checksum of its file
 */
record LibraryPlace(long base, long content) {
    private static final Path MAPPINGS = Path.of("/proc/self/maps");

    /**
     * The place of the library that has {@code address}, which may be that of any of its functions.
     *
     * @throws IOException it cannot be found out; then nothing may be taken for equal
     */
    static LibraryPlace of(long address) throws IOException {
        List<String> lines = Files.readAllLines(MAPPINGS);
        String file = lines.stream()
                .filter(line ->
                        Long.compareUnsigned(start(line), address) <= 0 && Long.compareUnsigned(address, end(line)) < 0)
                .map(LibraryPlace::file)
                .findFirst()
                .orElseThrow(() -> new IOException("nothing is mapped at 0x" + Long.toHexString(address)));
        long base = lines.stream()
                .filter(line -> file(line).equals(file))
                .mapToLong(LibraryPlace::start)
                .min()
                .orElseThrow();
        CRC32C checksum = new CRC32C();
        // fails for "... (deleted)": the library was replaced on disk while it was in use
        checksum.update(Files.readAllBytes(Path.of(file)));
        return new LibraryPlace(base, checksum.getValue());
    }

    private static long start(String line) {
        return Long.parseUnsignedLong(line.substring(0, line.indexOf('-')), 16);
    }

    private static long end(String line) {
        return Long.parseUnsignedLong(line.substring(line.indexOf('-') + 1, line.indexOf(' ')), 16);
    }

    /** The sixth field; may have blanks in it. */
    private static String file(String line) {
        String[] fields = line.split("\\s+", 6);
        return fields.length < 6 ? "" : fields[5];
    }
}
