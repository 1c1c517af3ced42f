// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.loading;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Loads the shared objects that bundles carry, the same way in every process whatever JNA's own properties say, and turns a
 * refusal into one sentence with a way out.
 */
public final class SharedObject {
    private SharedObject() {}

    /**
     * Loads one.
     *
     * @param name without {@code lib} and {@code .so}
     * @param loader of the bundle that carries it
     * @param options JNA's, besides those that every library of ours is loaded with
     * @throws UnsatisfiedLinkError it cannot be loaded; says why, and what can be done
     */
    public static NativeLibrary load(String name, ClassLoader loader, Map<String, ?> options) {
        Map<String, Object> all = new HashMap<>(options);
        all.put(Library.OPTION_CLASSLOADER, loader);
        // the names of files, as the kernel and java.nio know them: neither jna.encoding nor file.encoding is that
        all.put(Library.OPTION_STRING_ENCODING, System.getProperty("sun.jnu.encoding", "UTF-8"));
        try {
            return NativeLibrary.getInstance(name, all);
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Error e) {
            // JNA's classes refuse to be initialised by several kinds, one of which is a plain Error
            UnsatisfiedLinkError refusal = new UnsatisfiedLinkError(refusal(name, e));
            refusal.initCause(e);
            throw refusal;
        }
    }

    /**
     * Has JNA look in a folder first from now on, before it takes a library out of a jar itself.
     *
     * @param name without {@code lib} and {@code .so}
     */
    public static void searchFirst(String name, Path folder) {
        NativeLibrary.addSearchPath(name, folder.toString());
    }

    private static String refusal(String name, Error error) {
        Throwable cause = error;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String said = String.valueOf(cause.getMessage()).replaceAll("\\s+", " ").strip();
        return "the native library lib" + name + ".so cannot be loaded: " + said + "; " + wayOut(said);
    }

    /** By the words of JNA and of the C library's loader, which gives no numbers. */
    static String wayOut(String said) {
        if (said.contains("failed to map segment") || said.contains("ermission denied")) {
            return "the folder it is unpacked into must allow code to be mapped (no mount option noexec) and be this user's:"
                    + " name another one by -Djava.io.tmpdir or -Djna.tmpdir, and for the framework's storage";
        }
        if (said.contains("No space left") || said.contains("quota")) {
            return "make room where it is unpacked, or name another folder by -Djava.io.tmpdir or -Djna.tmpdir";
        }
        if (said.contains("Too many open files")) {
            return "raise the process's limit of open files (ulimit -n)";
        }
        if (said.contains("incompatible JNA")) {
            return "the JNA found first is another version: remove it from the folder that jna.boot.library.path or"
                    + " java.library.path names, or set -Djna.nosys=true";
        }
        if (said.contains("annot allocate memory")) {
            return "raise the process's limit of address space (ulimit -v) or its container's of memory";
        }
        if (Boolean.getBoolean("jna.nounpack")) {
            return "remove -Djna.nounpack=true, which keeps JNA from taking it out of its bundle";
        }
        return "JNA takes it out of its bundle into "
                + System.getProperty("jna.tmpdir", System.getProperty("java.io.tmpdir"))
                + ", which must exist and be writable: name another folder by -Djava.io.tmpdir or -Djna.tmpdir"
                + " (Vellum's native code is for Linux on x86-64 with the GNU C library, and for nothing else)";
    }

    /**
     * Ends what {@link Native#register(Class, NativeLibrary)} began. JNA keeps the options of a class that it maps, by a weak
     * key; but the class is among its options, so they would keep it, and this bundle's class loader, until JNA itself goes.
     */
    public static void unmap(Class<?> mapped) {
        Native.unregister(mapped);
        Native.getLibraryOptions(mapped).clear();
    }
}
