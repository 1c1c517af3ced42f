// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import com.sun.jna.NativeLibrary;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.vellum.nativelib.loading.SharedObject;

/**
 * A shared object that a bundle carries as a resource ({@code linux-x86-64/lib<name>.so}), loaded under that bundle's
 * class loader. Safe for use by many threads.
 *
 * <p>JNA keys its cache of libraries by name and the class loader's printed form, and Felix prints the same form for
 * every revision of a bundle: a library left open would answer for the next revision too. So whoever opens one in
 * {@code @Activate} closes it in {@code @Deactivate}, after everything that could still be in its code is quiesced.
 */
public final class ProviderLibrary implements AutoCloseable {
    private static final int REASON_SIZE = 512;

    private final String name;
    private final NativeLibrary library;
    /** Shared by calls, exclusive for closing: code is not unmapped under a call, nor called after that. */
    private final ReadWriteLock use = new ReentrantReadWriteLock();
    /** Guarded by {@link #use}. */
    private boolean closed;

    private ProviderLibrary(String name, NativeLibrary library) {
        this.name = name;
        this.library = library;
    }

    /**
     * @param name without {@code lib} and {@code .so}
     * @param anchor a class of the bundle that carries the library
     * @throws UnsatisfiedLinkError it cannot be loaded; says why, and what can be done
     */
    public static ProviderLibrary open(String name, Class<?> anchor) {
        return new ProviderLibrary(name, SharedObject.load(name, anchor.getClassLoader(), Map.of()));
    }

    /** Address of an exported variable, such as a provider's structure of function pointers. */
    public long variable(String symbol) {
        return com.sun.jna.Pointer.nativeValue(library.getGlobalVariableAddress(symbol));
    }

    /**
     * Calls an exported {@code int} function; arguments as JNA maps them.
     *
     * @throws IllegalStateException the library was closed
     */
    public int call(String symbol, Object... arguments) {
        use.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("lib" + name + ".so was released: its bundle has stopped");
            }
            return library.getFunction(symbol).invokeInt(arguments);
        } finally {
            use.readLock().unlock();
        }
    }

    /**
     * Asks an exported function whether something works here: {@code int symbol(arguments…, char *reason, size_t
     * reason_size)}, which returns 0 if so, and else a negative errno and one sentence.
     *
     * @return empty if it works, else the sentence
     * @throws IllegalStateException the library was closed
     */
    public Optional<String> obstacle(String symbol, Object... arguments) {
        byte[] reason = new byte[REASON_SIZE];
        Object[] all = Arrays.copyOf(arguments, arguments.length + 2);
        all[arguments.length] = reason;
        all[arguments.length + 1] = (long) reason.length;
        int result = call(symbol, all);
        if (result == 0) {
            return Optional.empty();
        }
        String text = new String(reason, StandardCharsets.UTF_8);
        String sentence = text.substring(0, Math.max(0, text.indexOf('\0')));
        return Optional.of(sentence.isEmpty() ? Errno.describe(result) : sentence);
    }

    /** Waits for calls in progress and unloads it. Idempotent. */
    @Override
    public void close() {
        use.writeLock().lock();
        try {
            closed = true;
            library.close();
        } finally {
            use.writeLock().unlock();
        }
    }
}
