// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ConsumerType;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A page table: how permissions and dirty bits are read and changed. Lifetime as with {@link Vmm}.
 *
 * <p>{@link #levels}, {@link #entry} and {@link #walk} show it, for diagnosis and tools, and change nothing. Any thread
 * may call them at any time; they take no lock of the fault path and stop nobody, so entries read one after the other
 * are no picture of one moment. Addresses are virtual addresses of this process, below {@link #ADDRESS_END}, and need
 * no alignment; lengths are bytes. After the service is gone they throw {@link IllegalStateException}.
 */
@ProviderType
public interface PageTable {
    /** Service property: the page table's name. */
    String PROPERTY = "vellum.pagetable";

    /** The first address that no process has: user space is the lower half, 47 bits. */
    long ADDRESS_END = 1L << 47;

    /** The page table's name, {@code host} or {@code guest}. */
    String name();

    /** Address of its {@code struct vellum_pagetable_operations}, valid as long as the service is registered. */
    long operations();

    /** Whether it can be combined with this VMM. */
    boolean worksWith(Vmm vmm);

    /**
     * Whether it can track in this way on this host, measured, not assumed.
     *
     * @return empty if it can; else one sentence that says what is missing
     */
    Optional<String> obstacleTo(Tracking tracking);

    /**
     * The walk of one address: the entries that the processor reads to translate it, the top level's first. The last
     * is a leaf, or not present. A page table that shows only its leaves gives one entry. About a microsecond for
     * tables in memory, ten for the kernel's.
     *
     * @return empty when there are no tables now: a guest's exist while a region is attached to them
     * @throws IllegalArgumentException the address is outside user space
     * @throws java.io.UncheckedIOException the kernel does not show its table
     */
    List<PageTableEntry> levels(long address);

    /**
     * The entry that translates an address, or that says that nothing does: the last of {@link #levels}.
     *
     * @return empty when there are no tables now
     * @throws IllegalArgumentException as {@link #levels}
     * @throws java.io.UncheckedIOException as {@link #levels}
     */
    default Optional<PageTableEntry> entry(long address) {
        List<PageTableEntry> levels = levels(address);
        return levels.isEmpty() ? Optional.empty() : Optional.of(levels.get(levels.size() - 1));
    }

    /**
     * Visits every leaf that translates something in [{@code address}, {@code address + length}), in the order of
     * addresses; also those whose content is elsewhere ({@link PageTableEntry.Flag#SWAPPED}). A large leaf may begin
     * before the range. What is not mapped is passed over without looking at every page of it. The cost is that of
     * {@link #levels} for each leaf of a guest's table, and tens of nanoseconds for each page of the kernel's.
     *
     * @throws IllegalArgumentException the range is not inside user space
     * @throws java.io.UncheckedIOException as {@link #levels}
     */
    void walk(long address, long length, Visitor visitor);

    /**
     * What the leaf of a page in a region that this page table tracks means for the next store there, in a few words
     * such as {@code closed (view)}: closed, it will be noticed; open, it goes on at once.
     *
     * @param leaf an entry of this page table; of a page outside every such region the answer means nothing
     * @return empty when the entry does not tell
     */
    Optional<String> meaning(PageTableEntry leaf);

    /**
     * Refuses what is not inside user space; for implementations.
     *
     * @throws IllegalArgumentException [{@code address}, {@code address + length}) is not
     */
    static void requireInUserSpace(long address, long length) {
        if (address < 0 || length < 0 || address > ADDRESS_END || length > ADDRESS_END - address) {
            throw new IllegalArgumentException("address 0x" + Long.toHexString(address)
                    + (length > 1 ? " and the 0x" + Long.toHexString(length) + " bytes from there on are" : " is")
                    + " not inside user space, which ends at 0x" + Long.toHexString(ADDRESS_END));
        }
    }

    /** Is shown the leaves of a range. */
    @ConsumerType
    @FunctionalInterface
    interface Visitor {
        /** @return whether to go on */
        boolean visit(PageTableEntry leaf);
    }
}
