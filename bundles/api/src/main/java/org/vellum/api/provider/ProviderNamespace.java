// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

/**
 * Capabilities by which resolvers find providers. They say what a bundle brings, before it runs; services say what there is now.
 * Requirements in this namespace are effective {@code active}: a framework resolves bundles without them.
 *
 * <p>A capability has the axis under the namespace's own name, the provider's name as {@link #NAME}, and, if they hold,
 * {@link #PORTABLE} and, for stores, {@link #DURABLE}. A page table requires the VMM backend that it works with, and that
 * one the page table.
 */
public final class ProviderNamespace {
    /** The namespace, and the attribute with the axis. */
    public static final String PROVIDER = "org.vellum.provider";

    /** Axis of a {@link Vmm}. */
    public static final String VMM = "vmm";

    /** Axis of a {@link PageTable}. */
    public static final String PAGE_TABLE = "pagetable";

    /** Axis of a {@link Strategy}. */
    public static final String STRATEGY = "strategy";

    /** Axis of a {@link Store}. */
    public static final String STORE = "store";

    /** Attribute: the provider's name, as in its service property. */
    public static final String NAME = "name";

    /** Attribute, {@code true} or absent: works on every host that Vellum runs on. */
    public static final String PORTABLE = "portable";

    /** Attribute of stores, {@code true} or absent: what was committed outlives the process. */
    public static final String DURABLE = "durable";

    /** The attribute, as an annotation wants it. A text, for capabilities have no truth values. */
    public static final String IS_PORTABLE = PORTABLE + "=true";

    /** The attribute, as an annotation wants it. */
    public static final String IS_DURABLE = DURABLE + "=true";

    private ProviderNamespace() {}
}
