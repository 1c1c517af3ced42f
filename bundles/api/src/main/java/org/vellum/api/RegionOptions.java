// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How a region is to be opened. Immutable; each {@code with} method returns a changed copy.
 *
 * <p>A selector names the provider of an axis: {@value #AUTO} (the best one that works on this host), a provider's
 * name such as {@code dirty-bit}, or an LDAP filter over the provider's service properties.
 */
public final class RegionOptions {
    /** Lets the runtime choose. */
    public static final String AUTO = "auto";

    /** The axes, by the names that selectors have in configurations and commands, in the order of a tuple. */
    public static final List<String> AXES = List.of("vmm", "pagetable", "strategy", "store");

    private static final Pattern SIZE =
            Pattern.compile("\\s*(-?\\d+)\\s*(|B|KiB|MiB|GiB|TiB)\\s*", Pattern.CASE_INSENSITIVE);

    private final long size;
    private final @Nullable Path directory;
    private final long address;
    private final long logSize;
    private final String vmm;
    private final String pageTable;
    private final String strategy;
    private final String store;
    /** Null: none. */
    private final @Nullable Duration waitLimit;

    private RegionOptions(
            long size,
            @Nullable Path directory,
            long address,
            long logSize,
            String vmm,
            String pageTable,
            String strategy,
            String store,
            @Nullable Duration waitLimit) {
        this.size = size;
        this.directory = directory;
        this.address = address;
        this.logSize = logSize;
        this.vmm = vmm;
        this.pageTable = pageTable;
        this.strategy = strategy;
        this.store = store;
        this.waitLimit = waitLimit;
    }

    /** Opens what exists; nothing is created. */
    public static RegionOptions existing() {
        return new RegionOptions(0, null, 0, 0, AUTO, AUTO, AUTO, AUTO, null);
    }

    /**
     * Opens the region or creates it with this size.
     *
     * @param bytes at least 1; rounded up to a multiple of the page size, which the region's status then says
     */
    public static RegionOptions size(long bytes) {
        if (bytes <= 0) {
            throw new InvalidRegionException("region size " + bytes + ": must be at least 1 byte");
        }
        return new RegionOptions(bytes, null, 0, 0, AUTO, AUTO, AUTO, AUTO, null);
    }

    /**
     * As {@link #size(long)}, from text: a number with an optional unit B, KiB, MiB, GiB or TiB ({@code "64 MiB"}).
     */
    public static RegionOptions size(String text) {
        return size(parseSize(text));
    }

    /** Bytes from a text such as {@code "64 MiB"}; may be zero or negative, which {@link #size(long)} refuses. */
    public static long parseSize(String text) {
        Matcher matcher = SIZE.matcher(text);
        if (!matcher.matches()) {
            throw new InvalidRegionException(
                    "size '" + text + "': expected a number and a unit B, KiB, MiB, GiB or TiB," + " such as '64 MiB'");
        }
        int shift = switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
            case "kib" -> 10;
            case "mib" -> 20;
            case "gib" -> 30;
            case "tib" -> 40;
            default -> 0;
        };
        try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift);
        } catch (ArithmeticException | NumberFormatException e) {
            throw new InvalidRegionException("size '" + text + "': larger than any address space", e);
        }
    }

    /** The folder that holds the region's files; by default the store's own. */
    public RegionOptions withDirectory(Path folder) {
        return new RegionOptions(
                size, Objects.requireNonNull(folder), address, logSize, vmm, pageTable, strategy, store, waitLimit);
    }

    /** Where a new region is to be mapped, page-aligned; by default a free place is chosen. */
    public RegionOptions withAddress(long virtualAddress) {
        return new RegionOptions(size, directory, virtualAddress, logSize, vmm, pageTable, strategy, store, waitLimit);
    }

    /** Bytes of log a new region starts with; by default the store chooses. Logs grow when an epoch needs it. */
    public RegionOptions withLogSize(long bytes) {
        return new RegionOptions(size, directory, address, bytes, vmm, pageTable, strategy, store, waitLimit);
    }

    /** Selects the VMM backend. */
    public RegionOptions withVmm(String selector) {
        return new RegionOptions(
                size,
                directory,
                address,
                logSize,
                Objects.requireNonNull(selector),
                pageTable,
                strategy,
                store,
                waitLimit);
    }

    /** Selects the page table. */
    public RegionOptions withPageTable(String selector) {
        return new RegionOptions(
                size, directory, address, logSize, vmm, Objects.requireNonNull(selector), strategy, store, waitLimit);
    }

    /** Selects the strategy. */
    public RegionOptions withStrategy(String selector) {
        return new RegionOptions(
                size, directory, address, logSize, vmm, pageTable, Objects.requireNonNull(selector), store, waitLimit);
    }

    /** Selects the store. */
    public RegionOptions withStore(String selector) {
        return new RegionOptions(
                size,
                directory,
                address,
                logSize,
                vmm,
                pageTable,
                strategy,
                Objects.requireNonNull(selector),
                waitLimit);
    }

    /**
     * How long commit, rollback, atomically, section and close wait for others where the call names no limit itself; by default
     * as long as it takes.
     */
    public RegionOptions withWaitLimit(Duration limit) {
        if (limit.isNegative()) {
            throw new InvalidRegionException("a wait limit of " + limit + ": must not be negative");
        }
        return new RegionOptions(size, directory, address, logSize, vmm, pageTable, strategy, store, limit);
    }

    /**
     * Selects the provider of an axis.
     *
     * @param axis one of {@link #AXES}
     * @throws InvalidRegionException there is no such axis
     */
    public RegionOptions withSelector(String axis, String selector) {
        return switch (axis) {
            case "vmm" -> withVmm(selector);
            case "pagetable" -> withPageTable(selector);
            case "strategy" -> withStrategy(selector);
            case "store" -> withStore(selector);
            default ->
                throw new InvalidRegionException(
                        "there is no axis '" + axis + "'; expected one of " + String.join(", ", AXES));
        };
    }

    /** Bytes to create with, as asked for; 0: do not create. */
    public long size() {
        return size;
    }

    public Optional<Path> directory() {
        return Optional.ofNullable(directory);
    }

    /** 0: choose one. */
    public long address() {
        return address;
    }

    /** 0: the store's default. */
    public long logSize() {
        return logSize;
    }

    public String vmm() {
        return vmm;
    }

    public String pageTable() {
        return pageTable;
    }

    public String strategy() {
        return strategy;
    }

    public String store() {
        return store;
    }

    /** Empty: none. */
    public Optional<Duration> waitLimit() {
        return Optional.ofNullable(waitLimit);
    }
}
