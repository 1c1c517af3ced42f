// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import com.sun.jna.Pointer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;

/**
 * A provider's bundle of another version, with the number of its revision where it shows which one runs: in a property
 * of its components, and in its native library, in a word of the ELF header that x86-64 does not use.
 */
final class ProviderRevision {
    /** Property of the revision's components. */
    static final String PROPERTY = "revision";

    /** {@code e_flags} of an {@code Elf64_Ehdr}. */
    private static final int ELF_FLAGS = 48;

    private ProviderRevision() {}

    /** The jar that the bundle was installed from, changed. */
    static InputStream of(Bundle bundle, int number) throws IOException {
        ByteArrayOutputStream revision = new ByteArrayOutputStream();
        try (JarInputStream original = new JarInputStream(new URL(bundle.getLocation()).openStream())) {
            Manifest manifest = original.getManifest();
            Attributes headers = manifest.getMainAttributes();
            headers.putValue(Constants.BUNDLE_VERSION, "1.0." + number);
            try (JarOutputStream jar = new JarOutputStream(revision, manifest)) {
                for (JarEntry entry = original.getNextJarEntry(); entry != null; entry = original.getNextJarEntry()) {
                    jar.putNextEntry(new JarEntry(entry.getName()));
                    jar.write(changed(entry.getName(), original.readAllBytes(), number));
                }
            }
        }
        return new ByteArrayInputStream(revision.toByteArray());
    }

    private static byte[] changed(String name, byte[] content, int number) {
        if (name.endsWith(".so")) {
            ByteBuffer.wrap(content).order(ByteOrder.nativeOrder()).putInt(ELF_FLAGS, number);
        } else if (name.startsWith("OSGI-INF/") && name.endsWith(".xml")) {
            String property = "<property name=\"" + PROPERTY + "\" type=\"Integer\" value=\"" + number + "\"/>";
            return new String(content, StandardCharsets.UTF_8)
                    .replaceFirst("(?=<service>|<service )", property)
                    .getBytes(StandardCharsets.UTF_8);
        }
        return content;
    }

    /** A file that is mapped into this process, as {@code /proc/self/maps} names it, and where its first byte is. */
    record Library(String file, long start) {
        /** The one that has this address in it. */
        static Library of(long address) throws IOException {
            String file = mappings().stream()
                    .filter(line -> start(line) <= address && address < end(line))
                    .map(Library::file)
                    .findFirst()
                    .orElseThrow();
            long start = mappings().stream()
                    .filter(line -> file(line).equals(file))
                    .mapToLong(Library::start)
                    .min()
                    .orElseThrow();
            return new Library(file, start);
        }

        int revision() {
            return new Pointer(start).getInt(ELF_FLAGS);
        }

        boolean isMapped() throws IOException {
            return mappings().stream().anyMatch(line -> file(line).equals(file));
        }

        private static List<String> mappings() throws IOException {
            return Files.readAllLines(Path.of("/proc/self/maps"));
        }

        private static long start(String line) {
            return Long.parseUnsignedLong(line.substring(0, line.indexOf('-')), 16);
        }

        private static long end(String line) {
            return Long.parseUnsignedLong(line.substring(line.indexOf('-') + 1, line.indexOf(' ')), 16);
        }

        /** Device and inode with it: another file may have had the name. */
        private static String file(String line) {
            return line.replaceFirst("^\\S+ \\S+ \\S+ ", "");
        }
    }
}
