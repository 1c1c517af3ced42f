// SPDX-License-Identifier: Apache-2.0
package org.vellum.embedded;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.nativelib.loading.SharedObject;
import org.vellum.pagetable.guest.GuestPageTable;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.strategy.dirtybit.DirtyBitStrategy;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;
import org.vellum.vmm.kvm.KvmVmm;

/**
 * Takes the native libraries out of the jars on the class path. They go into a folder whose name is a digest of their content, so
 * that they are unpacked once and a later process finds them, and that is this user's alone: whoever could write there could
 * have this process run code.
 *
 * <p>A library that no jar has is left to JNA, which looks for it where its own properties say.
 */
final class NativeLibraries {
    /** Each with a class of the jar that has it. */
    private static final Map<String, Class<?>> LIBRARIES = new TreeMap<>(Map.of(
            "vellum_core", JnaNativeCore.class,
            "vellum_dispatcher", JnaNativeCore.class,
            "vellum_persistence", JnaNativeCore.class,
            "vellum_vmm_host", HostVmm.class,
            "vellum_vmm_kvm", KvmVmm.class,
            "vellum_pagetable_host", HostPageTable.class,
            "vellum_pagetable_guest", GuestPageTable.class,
            "vellum_strategy_dirtybit", DirtyBitStrategy.class,
            "vellum_strategy_writeprotect", WriteProtectStrategy.class));

    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<?> PRIVATE = PosixFilePermissions.asFileAttribute(OWNER_ONLY);

    private NativeLibraries() {}

    /**
     * Unpacks all of them, and has JNA take them from there.
     *
     * @param chosen where to; empty: in the user's cache, or where that cannot be written to, in a folder that goes when the
     *     process ends
     * @throws UnsatisfiedLinkError they cannot be unpacked; says why, and what can be done
     */
    static void unpack(Optional<Path> chosen) {
        Path base = chosen.orElseGet(NativeLibraries::cache);
        try {
            Map<String, byte[]> found = read();
            if (found.isEmpty()) {
                return;
            }
            String name = "native-" + digest(found);
            try {
                write(base, name, found);
            } catch (IOException e) {
                if (chosen.isPresent()) {
                    throw e;
                }
                base = Files.createTempDirectory("vellum"); // of mode 0700
                write(base, name, found).forEach(file -> file.toFile().deleteOnExit());
            }
        } catch (IOException e) {
            UnsatisfiedLinkError refusal = new UnsatisfiedLinkError("the native libraries cannot be unpacked into "
                    + base + ": " + e + "; make it this user's alone, or name another folder by"
                    + " Vellum.builder().libraryFolder(…)");
            refusal.initCause(e);
            throw refusal;
        }
    }

    /** @return what goes when the process ends, if it is to: in the opposite order */
    private static List<Path> write(Path base, String name, Map<String, byte[]> libraries) throws IOException {
        Path folder = base.resolve(name);
        requirePrivate(folder);
        List<Path> written = new ArrayList<>(List.of(base, folder));
        for (Map.Entry<String, byte[]> library : libraries.entrySet()) {
            Path file = folder.resolve(fileName(library.getKey()));
            write(folder, file, library.getValue());
            written.add(file);
        }
        libraries.keySet().forEach(library -> SharedObject.searchFirst(library, folder));
        return written;
    }

    private static String fileName(String library) {
        return "lib" + library + ".so";
    }

    private static Map<String, byte[]> read() throws IOException {
        Map<String, byte[]> found = new TreeMap<>();
        for (Map.Entry<String, Class<?>> library : LIBRARIES.entrySet()) {
            try (InputStream content =
                    library.getValue().getResourceAsStream("/linux-x86-64/" + fileName(library.getKey()))) {
                if (content != null) {
                    found.put(library.getKey(), content.readAllBytes());
                }
            }
        }
        return found;
    }

    private static String digest(Map<String, byte[]> libraries) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            libraries.values().forEach(digest::update);
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static Path cache() {
        return Stream.of(System.getenv("XDG_CACHE_HOME"), System.getProperty("user.home") + "/.cache")
                .filter(folder ->
                        folder != null && folder.startsWith("/")) // not one that depends on the current folder
                .findFirst()
                .map(folder -> Path.of(folder, "vellum"))
                .orElseGet(() -> Path.of("/nonexistent"));
    }

    /** Makes the folder, or makes sure that nobody else can write to it. */
    private static void requirePrivate(Path folder) throws IOException {
        Files.createDirectories(folder, PRIVATE);
        PosixFileAttributes attributes =
                Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        Set<PosixFilePermission> others = new HashSet<>(attributes.permissions());
        others.removeAll(OWNER_ONLY);
        if (!attributes.isDirectory() || !others.isEmpty() || !isOwn(folder, attributes)) {
            throw new IOException(folder + " is not a folder that only this user can use: "
                    + attributes.owner().getName() + " "
                    + PosixFilePermissions.toString(attributes.permissions()));
        }
    }

    /** A file that this process makes has the owner that it should have. */
    private static boolean isOwn(Path folder, PosixFileAttributes attributes) throws IOException {
        Path probe = Files.createTempFile(folder, ".owner", null);
        try {
            return Files.getOwner(probe).equals(attributes.owner());
        } finally {
            Files.delete(probe);
        }
    }

    /** As a whole or not at all; another process may do the same at the same time. */
    private static void write(Path folder, Path file, byte[] content) throws IOException {
        if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Arrays.equals(Files.readAllBytes(file), content)) {
            return;
        }
        Path unfinished = Files.createTempFile(folder, ".unpacking", null, PRIVATE);
        try {
            Files.write(unfinished, content);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }
}
