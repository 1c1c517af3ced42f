// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** Makes bundles out of test classes. */
final class TestBundle {
    private TestBundle() {}

    /** A bundle without classes. */
    static Path write(Path folder, String name, Map<String, String> headers) {
        return write(folder, name, headers, new Class<?>[0]);
    }

    /** A bundle that registers the {@link ProbeApplication}. */
    static Path application(Path folder) {
        return write(
                folder,
                "test.application",
                Map.of("Bundle-Activator", ProbeApplication.class.getName(), "Import-Package", "org.osgi.framework"),
                ProbeApplication.class);
    }

    private static Path write(Path folder, String name, Map<String, String> headers, Class<?>... classes) {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue("Bundle-ManifestVersion", "2");
        attributes.putValue("Bundle-SymbolicName", name);
        headers.forEach(attributes::putValue);
        try {
            Path jar = Files.createDirectories(folder).resolve(name + ".jar");
            try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
                for (Class<?> type : classes) {
                    String entry = type.getName().replace('.', '/') + ".class";
                    out.putNextEntry(new JarEntry(entry));
                    try (InputStream in = type.getClassLoader().getResourceAsStream(entry)) {
                        in.transferTo(out);
                    }
                }
            }
            return jar;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
