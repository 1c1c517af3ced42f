// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

/**
 * What providers with a native half have in common: a library in their bundle, which exports their structure of function
 * pointers under the library's own name ({@code native/include/vellum/providers.h}).
 */
public abstract class NativeProvider {
    private final String name;
    private final ProviderLibrary library;
    private final long operations;

    /**
     * Loads the library under the class loader of the provider's bundle.
     *
     * @param name the provider's name, as in its service property
     * @param libraryName as for {@link ProviderLibrary#open}
     * @throws UnsatisfiedLinkError it cannot be loaded
     */
    protected NativeProvider(String name, String libraryName) {
        this.name = name;
        library = ProviderLibrary.open(libraryName, getClass());
        operations = library.variable(libraryName);
    }

    public String name() {
        return name;
    }

    /** Address of the structure; valid until {@link #close}. */
    public long operations() {
        return operations;
    }

    protected ProviderLibrary library() {
        return library;
    }

    /** Releases the library. For {@code @Deactivate}: the runtime has left its code before the service is gone. */
    public void close() {
        library.close();
    }
}
