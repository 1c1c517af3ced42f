// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.Vmm;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Skip;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The public view of the page tables follows what is done to a region. */
class PageTableViewIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final int PAGE = 4096;
    private static final int SIZE = 4 << 20;
    private static final int STORED = 200 * PAGE;
    /** In another block, to which nobody stores. */
    private static final int UNTOUCHED = 700 * PAGE;

    private static final String MISSING = "missing: ";
    private static final String THERE = "there";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"kvm, dirty-bit", "kvm, write-protect", "host, dirty-bit", "host, write-protect"})
    void theTablesShowStoresAndCuts(String vmm, String strategy) throws Exception {
        try (ChildProcess child = ChildProcess.start(PageTableViewIT.class, folder.toString(), vmm, strategy)) {
            String backend = child.await("backend " + vmm + " ", PATIENCE);
            Skip.unless(backend.equals(THERE), "page table of VMM " + vmm, backend);
            child.succeed(PATIENCE);
        }
    }

    public static void main(String[] arguments) throws InvalidSyntaxException {
        String vmm = arguments[1];
        try (Stack stack = Stack.start()) {
            boolean there = !references(stack, Vmm.class, Vmm.PROPERTY, vmm).isEmpty();
            System.out.println("backend " + vmm + " " + (there ? THERE : MISSING + "its bundle says why above"));
            if (!there) {
                return;
            }
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(Path.of(arguments[0]))
                    .withVmm(vmm)
                    .withStrategy(arguments[2]);
            Region region = stack.regions().open("region", options);
            PageTable table = stack.context()
                    .getService(references(
                                    stack,
                                    PageTable.class,
                                    PageTable.PROPERTY,
                                    region.status().providers().pageTable())
                            .iterator()
                            .next());
            if (vmm.equals("kvm")) {
                onGuest(region, table);
            } else {
                onHost(region, table);
            }
        }
    }

    private static <T> Collection<ServiceReference<T>> references(
            Stack stack, Class<T> type, String property, String value) throws InvalidSyntaxException {
        return stack.context().getServiceReferences(type, "(" + property + "=" + value + ")");
    }

    private static PageTableEntry leaf(PageTable table, Region region, int offset) {
        long address = region.status().address() + offset; // a closed region's too
        PageTableEntry leaf = table.entry(address).orElseThrow();
        assertEquals(address, leaf.address());
        assertEquals(PAGE, leaf.span());
        return leaf;
    }

    private static void onGuest(Region region, PageTable table) {
        PageTableEntry closed = leaf(table, region, STORED);
        assertEquals(Optional.of("closed (view)"), table.meaning(closed));
        assertFalse(closed.has(Flag.DIRTY));

        region.buffer(STORED, Long.BYTES).putLong(0, 7);
        PageTableEntry open = leaf(table, region, STORED);
        assertEquals(Optional.of("open (alias)"), table.meaning(open));
        assertTrue(open.has(Flag.DIRTY), open.toString());
        assertTrue(open.target() != closed.target(), "the view's memory slot, and then the alias's");
        assertEquals(Optional.of("closed (view)"), table.meaning(leaf(table, region, UNTOUCHED)));

        List<PageTableEntry> levels = table.levels(region.address() + STORED + 5);
        assertEquals(
                List.of(4, 3, 2, 1), levels.stream().map(PageTableEntry::level).toList());
        assertTrue(levels.stream().allMatch(level -> level.has(Flag.PRESENT)), levels.toString());

        region.commit();
        PageTableEntry committed = leaf(table, region, STORED);
        assertFalse(committed.has(Flag.DIRTY), committed.toString());

        List<PageTableEntry> ofRegion = leaves(table, region.address(), SIZE);
        assertEquals(SIZE / PAGE, ofRegion.size());
        List<PageTableEntry> all = leaves(table, 0, PageTable.ADDRESS_END);
        assertTrue(all.size() > ofRegion.size());
        assertTrue(all.stream().anyMatch(entry -> entry.has(Flag.LARGE)), "ordinary memory that the guest touched");

        long address = region.address();
        region.close();
        assertEquals(Optional.empty(), table.entry(address), "the last region has taken the tables with it");
    }

    private static void onHost(Region region, PageTable table) {
        assertFalse(leaf(table, region, STORED).has(Flag.PRESENT));
        region.buffer(STORED, Long.BYTES).putLong(0, 7);
        PageTableEntry open = leaf(table, region, STORED);
        assertTrue(open.has(Flag.PRESENT) && open.has(Flag.FILE) && !open.has(Flag.PROTECTED), open.toString());
        assertEquals(1, table.levels(region.address() + STORED).size());
        region.commit();
        assertEquals(Optional.of("closed (write-protected)"), table.meaning(leaf(table, region, STORED)));
        assertFalse(leaf(table, region, UNTOUCHED).has(Flag.PRESENT));
        List<PageTableEntry> leaves = leaves(table, region.address(), SIZE);
        assertTrue(leaves.stream().anyMatch(entry -> entry.address() == region.address() + STORED), leaves.toString());
        region.close();
        assertFalse(leaf(table, region, STORED).has(Flag.PRESENT));
    }

    private static List<PageTableEntry> leaves(PageTable table, long address, long length) {
        List<PageTableEntry> found = new ArrayList<>();
        table.walk(address, length, found::add);
        return found;
    }
}
