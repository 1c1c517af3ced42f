package org.vellum.nativelib;

import com.sun.jna.NativeLibrary;

/**
 * A shared object that a bundle carries as a resource ({@code linux-x86-64/lib<name>.so}), loaded under that bundle's
 * class loader.
 *
 * <p>JNA keys its cache of libraries by name and the class loader's printed form, and Felix prints the same form for
 * every revision of a bundle: a library left open would answer for the next revision too. So whoever opens one in
 * {@code @Activate} closes it in {@code @Deactivate}, after everything that could still be in its code is quiesced.
 */
public final class ProviderLibrary implements AutoCloseable {
    private final NativeLibrary library;

    private ProviderLibrary(NativeLibrary library) {
        this.library = library;
    }

    /**
     * @param name without {@code lib} and {@code .so}
     * @param anchor a class of the bundle that carries the library
     * @throws UnsatisfiedLinkError it cannot be loaded
     */
    public static ProviderLibrary open(String name, Class<?> anchor) {
        return new ProviderLibrary(NativeLibrary.getInstance(name, anchor.getClassLoader()));
    }

    /** Address of an exported variable, such as a provider's structure of function pointers. */
    public long variable(String symbol) {
        return com.sun.jna.Pointer.nativeValue(library.getGlobalVariableAddress(symbol));
    }

    /** Calls an exported {@code int} function; arguments as JNA maps them. */
    public int call(String symbol, Object... arguments) {
        return library.getFunction(symbol).invokeInt(arguments);
    }

    @Override
    public void close() {
        library.close();
    }
}
