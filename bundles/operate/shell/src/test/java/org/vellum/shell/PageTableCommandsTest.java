// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongFunction;
import org.apache.felix.gogo.runtime.CommandProcessorImpl;
import org.apache.felix.gogo.runtime.threadio.ThreadIOImpl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command as Gogo calls it, on page tables made by hand. */
class PageTableCommandsTest {
    private static final Set<Flag> TABLE = EnumSet.of(Flag.PRESENT, Flag.WRITABLE, Flag.USER, Flag.ACCESSED);

    private final MemoryRegions regions = new MemoryRegions();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final ThreadIOImpl streams = new ThreadIOImpl();
    private final CommandProcessorImpl processor = new CommandProcessorImpl(streams);

    /** A page table that is nothing but its walk. */
    private record Walked(String name, LongFunction<List<PageTableEntry>> walk) implements PageTable {
        @Override
        public List<PageTableEntry> levels(long address) {
            return walk.apply(address);
        }

        @Override
        public Optional<String> meaning(PageTableEntry leaf) {
            return Optional.of(leaf.has(Flag.WRITABLE) ? "open (alias)" : "closed (view)");
        }

        @Override
        public long operations() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean worksWith(Vmm vmm) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Optional<String> obstacleTo(Tracking tracking) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void walk(long address, long length, Visitor visitor) {
            throw new UnsupportedOperationException();
        }
    }

    private static PageTableEntry entry(long address, int level, Set<Flag> flags, long target, long raw) {
        return new PageTableEntry(address & -PageTableEntry.span(level), level, flags, target, raw);
    }

    private static List<PageTableEntry> fourLevels(long address) {
        return List.of(
                entry(address, 4, TABLE, 0x1000, 0x1027),
                entry(address, 3, TABLE, 0x2000, 0x2027),
                entry(address, 2, TABLE, 0x3000, 0x3027),
                entry(
                        address,
                        1,
                        EnumSet.of(Flag.PRESENT, Flag.USER, Flag.ACCESSED),
                        0x40007000L,
                        0x8000000040007025L));
    }

    private static List<PageTableEntry> pagemap(long address) {
        return List.of(entry(address, 1, EnumSet.of(Flag.PRESENT, Flag.FILE), 0, 0xa000000000000000L));
    }

    @BeforeEach
    void start() {
        streams.start();
    }

    @AfterEach
    void stop() {
        processor.stop();
        streams.stop();
    }

    private int pte(List<PageTable> tables, String arguments) {
        out.reset();
        err.reset();
        processor.removeCommand("vellum", "pte");
        processor.addCommand("vellum", new PageTableCommands(regions, tables), "pte");
        return new CommandList(processor, new ByteArrayInputStream(new byte[0]), out, err)
                .applyAsInt(List.of("vellum:pte " + arguments));
    }

    private String output() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String errors() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private static final PageTable GUEST = new Walked("guest", PageTableCommandsTest::fourLevels);
    private static final PageTable HOST = new Walked("host", PageTableCommandsTest::pagemap);

    @Test
    void theWalkIsShownLevelByLevelTheRegionsOwnPageTableFirst() {
        regions.pageTable = "guest";
        regions.open("orders", RegionOptions.size(1 << 20));
        assertEquals(0, pte(List.of(HOST, GUEST), "0x100000003008"));
        assertEquals("""
                0x100000003008, region 'orders' + 0x3008

                page table guest, which tracks the region
                LEVEL  INDEX  ENTRY               FLAGS  POINTS AT
                    4     32  0x0000000000001027  PWUA   table at 0x1000
                    3      0  0x0000000000002027  PWUA   table at 0x2000
                    2      0  0x0000000000003027  PWUA   table at 0x3000
                    1      3  0x8000000040007025  PUA    4 KiB of memory at 0x40007000  closed (view)
                P present, W writable, U user, A accessed

                page table host
                LEVEL  INDEX  ENTRY               FLAGS  POINTS AT
                    1      3  0xa000000000000000  PF     4 KiB of memory at an address not shown
                P present, F file
                """, output());
    }

    @Test
    void anAddressIsHexadecimalDecimalOrInARegion() {
        regions.open("orders", RegionOptions.size(1 << 20));
        for (String place : List.of("0x100000003008", "17592186056712", "orders:0x3008", "orders:12296")) {
            assertEquals(0, pte(List.of(GUEST), place), errors());
            assertTrue(output().startsWith("0x100000003008, region 'orders' + 0x3008\n"), output());
        }
    }

    @Test
    void ordinaryMemoryIsShownTooWithoutAMeaningForStores() {
        PageTable large = new Walked(
                "guest",
                address -> List.of(
                        entry(address, 4, TABLE, 0x1000, 0x1027),
                        entry(address, 3, TABLE, 0x2000, 0x2027),
                        entry(address, 2, EnumSet.of(Flag.PRESENT, Flag.WRITABLE, Flag.LARGE), 0x600000, 0x6000a3)));
        assertEquals(0, pte(List.of(large), "0x7f0000601234"));
        assertTrue(output().startsWith("0x7f0000601234, in no open region\n\npage table guest\n"), output());
        assertTrue(
                output().contains("\n    2      3  0x00000000006000a3  PWL    2 MiB of memory at 0x600000\n"),
                output());
    }

    @Test
    void whatIsNotThereIsSaid() {
        PageTable nothing = new Walked("host", address -> List.of(entry(address, 1, Set.of(), 0, 0)));
        assertEquals(0, pte(List.of(nothing, new Walked("guest", address -> List.of())), "0x1000"));
        assertTrue(output().contains("\n    1      1  0x0000000000000000  -      nothing\n"), output());
        assertTrue(output().contains("page table guest: there are no tables now; they exist while"), output());
        PageTable hidden = new Walked("host", address -> {
            throw new UncheckedIOException("no pagemap here", new java.io.IOException());
        });
        assertEquals(0, pte(List.of(hidden), "0x1000"));
        assertTrue(output().contains("page table host: no pagemap here\n"), output());
    }

    @Test
    void onePageTableCanBeNamed() {
        assertEquals(0, pte(List.of(HOST, GUEST), "0x1000 guest"));
        assertTrue(output().contains("page table guest\n") && !output().contains("page table host"), output());
        assertEquals(1, pte(List.of(HOST, GUEST), "0x1000 ghost"));
        assertTrue(errors().endsWith("no page table 'ghost' is registered; there are: guest, host\n"), errors());
    }

    @Test
    void mistakesAreSentences() {
        regions.open("orders", RegionOptions.size(1 << 20));
        assertEquals(1, pte(List.of(HOST), "orders"));
        assertTrue(errors().endsWith("'orders' is no address: expected 0x… or a decimal number, or REGION:OFFSET\n"));
        assertEquals(1, pte(List.of(HOST), "ordres:0"));
        assertTrue(errors().endsWith("no region 'ordres' is open (vellum:regions lists them)\n"), errors());
        assertEquals(1, pte(List.of(HOST), "orders:0x100000"));
        assertTrue(errors().contains("offset 0x100000 is outside region 'orders', whose size is 0x100000"), errors());
        assertEquals(1, pte(List.of(HOST), "0x800000000000"));
        assertTrue(errors().contains("outside user space, which ends at 0x800000000000"), errors());
        assertEquals(1, pte(List.of(HOST), "-- -1"));
        assertEquals(1, pte(List.of(), "0x1000"));
        assertTrue(errors().contains("no page table is registered"), errors());
    }
}
