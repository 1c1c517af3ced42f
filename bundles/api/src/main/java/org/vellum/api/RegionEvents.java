// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/**
 * Event Admin topics and properties. Events are posted (asynchronously); without an Event Admin there are none.
 */
public final class RegionEvents {
    /** Matches all topics below. */
    public static final String ALL = "org/vellum/region/*";
    /** A region was opened; properties {@link #REGION}, {@link #EPOCH}, {@link #PROVIDERS}. */
    public static final String OPENED = "org/vellum/region/OPENED";
    /** An epoch became durable; properties {@link #REGION}, {@link #EPOCH}. At most one a second and region. */
    public static final String COMMITTED = "org/vellum/region/COMMITTED";
    /** A commit failed or an image is damaged; properties {@link #REGION}, {@link #MESSAGE}. */
    public static final String DAMAGED = "org/vellum/region/DAMAGED";
    /**
     * Other providers came into force; properties {@link #REGION}, {@link #PREVIOUS_PROVIDERS}, {@link #PROVIDERS},
     * {@link #GATE_NANOSECONDS}, {@link #MESSAGE}.
     */
    public static final String SWAPPED = "org/vellum/region/SWAPPED";
    /** A swap was refused, and the providers in force stay; properties {@link #REGION}, {@link #PROVIDERS}, {@link #MESSAGE}. */
    public static final String SWAP_REFUSED = "org/vellum/region/SWAP_REFUSED";
    /**
     * A provider is missing, and the region goes on without; properties {@link #REGION}, {@link #PREVIOUS_PROVIDERS},
     * {@link #PROVIDERS}, {@link #MESSAGE}. {@link #SWAPPED} ends it.
     */
    public static final String DEGRADED = "org/vellum/region/DEGRADED";
    /** A region was closed; property {@link #REGION}. */
    public static final String CLOSED = "org/vellum/region/CLOSED";

    /** The region's name, a String. */
    public static final String REGION = "region.name";
    /** The durable epoch, a Long. */
    public static final String EPOCH = "epoch";
    /** The tuple of providers, a String such as {@code host/host/dirty-bit/file}. */
    public static final String PROVIDERS = "providers";
    /** The tuple before the one in {@link #PROVIDERS}, a String. */
    public static final String PREVIOUS_PROVIDERS = "providers.previous";
    /** How long the writers were stopped, a Long. */
    public static final String GATE_NANOSECONDS = "gate.nanoseconds";
    /** A sentence for people. */
    public static final String MESSAGE = "message";

    private RegionEvents() {}
}
