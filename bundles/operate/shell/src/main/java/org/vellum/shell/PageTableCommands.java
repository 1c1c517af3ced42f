// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.felix.service.command.Descriptor;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.Quantity;

/** The command {@code vellum:pte}; as {@link RegionCommands}. */
@Component(
        service = PageTableCommands.class,
        property = {"osgi.command.scope=vellum", "osgi.command.function=pte"})
public final class PageTableCommands {
    private final RegionManager regions;

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile List<PageTable> tables = List.of();

    @Activate
    public PageTableCommands(@Reference RegionManager regions) {
        this.regions = regions;
    }

    PageTableCommands(RegionManager regions, List<PageTable> tables) {
        this.regions = regions;
        this.tables = tables;
    }

    /** Where an address is. */
    private record Place(long address, Optional<RegionStatus> region) {
        /** Whether this page table tracks the page: only then its entry means something for the next store. */
        boolean isTrackedBy(PageTable table) {
            return region.filter(status -> status.providers().pageTable().equals(table.name()))
                    .isPresent();
        }

        @Override
        public String toString() {
            return Quantity.address(address)
                    + region.map(status -> ", region '" + status.name() + "' + "
                                    + Quantity.address(address - status.address()))
                            .orElse(", in no open region");
        }
    }

    /** For what does not fit: Gogo would list the types of the parameters. */
    @Descriptor("says how it is used")
    public String pte(@Descriptor("anything else") String... arguments) {
        throw new ShellFailure("usage: vellum:pte ADDRESS [PAGETABLE], where ADDRESS is 0x…, decimal or REGION:OFFSET");
    }

    @Descriptor("the walk of an address in every page table, level by level")
    public String pte(@Descriptor("0x… or decimal, or REGION:OFFSET") String where) {
        return show(where, tables);
    }

    @Descriptor("the walk of an address in one page table, level by level")
    public String pte(
            @Descriptor("0x… or decimal, or REGION:OFFSET") String where,
            @Descriptor("the page table's name") String name) {
        List<PageTable> named =
                tables.stream().filter(table -> table.name().equals(name)).toList();
        if (named.isEmpty()) {
            throw new ShellFailure("no page table '" + name + "' is registered; there are: "
                    + tables.stream().map(PageTable::name).sorted().collect(Collectors.joining(", ")));
        }
        return show(where, named);
    }

    private String show(String where, List<PageTable> shown) {
        Place place = place(where);
        if (shown.isEmpty()) {
            throw new ShellFailure("no page table is registered: start a bundle that provides one");
        }
        List<String> lines = new ArrayList<>();
        lines.add(place.toString());
        shown.stream()
                .sorted(Comparator.comparing((PageTable table) -> !place.isTrackedBy(table))
                        .thenComparing(PageTable::name))
                .forEach(table -> lines.add(walk(place, table)));
        return String.join("\n\n", lines);
    }

    private static String walk(Place place, PageTable table) {
        boolean tracked = place.isTrackedBy(table);
        String heading = "page table " + table.name() + (tracked ? ", which tracks the region" : "");
        List<PageTableEntry> levels;
        try {
            levels = table.levels(place.address());
        } catch (UncheckedIOException | IllegalStateException e) {
            return heading + ": " + e.getMessage();
        }
        if (levels.isEmpty()) {
            return heading + ": there are no tables now; they exist while a region is attached to them";
        }
        Table rows = new Table()
                .column("LEVEL", Table.Alignment.RIGHT)
                .column("INDEX", Table.Alignment.RIGHT)
                .column("ENTRY", Table.Alignment.LEFT)
                .column("FLAGS", Table.Alignment.LEFT)
                .column("POINTS AT", Table.Alignment.LEFT)
                .column("", Table.Alignment.LEFT);
        for (PageTableEntry entry : levels) {
            rows.row(
                    Integer.toString(entry.level()),
                    Integer.toString(entry.index()),
                    String.format(Locale.ROOT, "0x%016x", entry.raw()),
                    letters(entry),
                    target(entry),
                    tracked && entry.isLeaf() ? table.meaning(entry).orElse("") : "");
        }
        String legend = legend(levels);
        return heading + "\n" + rows + (legend.isEmpty() ? "" : "\n" + legend);
    }

    private static String letters(PageTableEntry entry) {
        return entry.flags().isEmpty()
                ? "-"
                : entry.flags().stream()
                        .map(flag -> String.valueOf(flag.letter()))
                        .collect(Collectors.joining());
    }

    private static String legend(List<PageTableEntry> levels) {
        return levels.stream()
                .flatMap(entry -> entry.flags().stream())
                .distinct()
                .sorted()
                .map(flag -> flag.letter() + " " + flag.name().toLowerCase(java.util.Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    private static String target(PageTableEntry entry) {
        if (!entry.has(Flag.PRESENT)) {
            return entry.has(Flag.SWAPPED) ? "swap space" : "nothing";
        }
        String what = entry.isLeaf() ? Quantity.bytes(entry.span()) + " of memory" : "table";
        return what + " at " + (entry.target() == 0 ? "an address not shown" : Quantity.address(entry.target()));
    }

    private Place place(String where) {
        int colon = where.lastIndexOf(':');
        long address = colon < 0
                ? number(where, where)
                : addressIn(where.substring(0, colon), number(where.substring(colon + 1), where));
        if (address >= PageTable.ADDRESS_END) {
            throw new ShellFailure("address " + Quantity.address(address) + " is outside user space, which ends at "
                    + Quantity.address(PageTable.ADDRESS_END));
        }
        return new Place(address, regionAt(address));
    }

    private long addressIn(String name, long offset) {
        RegionStatus status = regions.region(name)
                .map(Region::status)
                .orElseThrow(() -> new ShellFailure("no region '" + name + "' is open (vellum:regions lists them)"));
        if (offset >= status.size()) {
            throw new ShellFailure("offset " + Quantity.address(offset) + " is outside region '" + name
                    + "', whose size is " + Quantity.address(status.size()));
        }
        return status.address() + offset;
    }

    private static long number(String text, String where) {
        try {
            boolean hexadecimal = text.startsWith("0x") || text.startsWith("0X");
            long number = hexadecimal ? Long.parseLong(text.substring(2), 16) : Long.parseLong(text);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below, with what was expected
        }
        throw new ShellFailure("'" + where + "' is no address: expected 0x… or a decimal number, or REGION:OFFSET");
    }

    /** By its status, which a region that is closed meanwhile has too. */
    private Optional<RegionStatus> regionAt(long address) {
        return regions.regions().stream()
                .map(Region::status)
                .filter(status -> address >= status.address() && address - status.address() < status.size())
                .findFirst();
    }
}
