// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.apache.felix.gogo.runtime.CommandProcessorImpl;
import org.apache.felix.gogo.runtime.threadio.ThreadIOImpl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.api.WantedRegion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The commands as Gogo calls them. */
class CommandsTest {
    private final MemoryRegions regions = new MemoryRegions();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final ThreadIOImpl streams = new ThreadIOImpl();
    private final CommandProcessorImpl processor = new CommandProcessorImpl(streams);

    @BeforeEach
    void commands() {
        streams.start();
        RegionCommands commands = new RegionCommands(regions);
        for (String name : List.of("regions", "status", "commit", "open", "close")) {
            processor.addCommand("vellum", commands, name);
        }
    }

    @BeforeEach
    void swapCommand() {
        processor.addCommand("vellum", new SwapCommand(regions), "swap");
        processor.addCommand("vellum", new HeatMapCommand(regions), "heatmap");
    }

    @AfterEach
    void stop() {
        processor.stop();
        streams.stop();
    }

    private int run(String input, String... commands) {
        out.reset();
        err.reset();
        return new CommandList(processor, new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), out, err)
                .applyAsInt(List.of(commands));
    }

    private String output() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String errors() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void argumentsThatDoNotFitAreAnsweredByTheUsage() {
        for (String command : List.of("vellum:open", "vellum:open a 1MiB c", "vellum:open --nonsense a")) {
            assertEquals(1, run("", command), output());
            assertTrue(errors().contains("usage: vellum:open [--vmm NAME]"), errors());
        }
        assertEquals(1, run("", "vellum:regions orders"), output());
        assertTrue(errors().contains("usage: vellum:regions"), errors());
        assertEquals(1, run("", "vellum:heatmap"), output());
        assertTrue(errors().contains("usage: vellum:heatmap REGION"), errors());
        assertEquals(1, run("", "vellum:swap"), output());
        assertTrue(errors().contains("usage: vellum:swap REGION AXIS=SELECTOR"), errors());
        assertEquals(
                0,
                run("", "vellum:regions", "vellum:open --strategy write-protect a 1MiB", "vellum:regions"),
                errors());
    }

    @Test
    void theLongestNameAndLongSentencesAreShownWhole() {
        String name = "a".repeat(50) + "b".repeat(50) + "c".repeat(28);
        String sentence = "x".repeat(200) + " the middle of a \"sentence\" " + "y".repeat(272);
        assertEquals(128, name.length());
        assertEquals(500, sentence.length());
        regions.remark = sentence;
        regions.wanted = List.of(new WantedRegion(
                "wanted", "somebody", WantedRegion.Obstacle.REFUSED, sentence, Instant.EPOCH, Instant.EPOCH));
        assertEquals(0, run("", "vellum:open " + name + " 1MiB", "vellum:regions", "vellum:status"), errors());
        assertTrue(output().contains("\n" + name + "  open  "), output());
        assertTrue(output().contains("remark          " + sentence + "\n"), output());
        assertTrue(output().contains("refused   " + Instant.EPOCH + "  " + sentence), output());
        assertTrue(output().contains("reason     " + sentence + "\n"), output());
    }

    @Test
    void aSwapSaysWhatIsInForceAndWhatItCost() {
        assertEquals(
                0,
                run(
                        "",
                        "vellum:open orders 64MiB",
                        "vellum:swap orders strategy=write-protect",
                        "vellum:swap orders 'strategy=(vellum.strategy=dirty-bit)'",
                        "vellum:status orders"),
                errors());

        assertTrue(
                output().contains("region 'orders': host/host/write-protect/file instead of host/host/dirty-bit/file,"
                        + " writers stopped for 45.6 µs"),
                output());
        assertTrue(output().contains("host/host/(vellum.strategy=dirty-bit)/file instead of"), output());
        assertTrue(output().contains("last swap"), output());
    }

    @Test
    void aSwapThatIsNotOneIsAnsweredWithItsUsage() {
        run("", "vellum:open orders 64MiB");
        for (String wrong : List.of("", "strategy", "=dirty-bit", "strategy=", "strategy=a strategy=b")) {
            assertEquals(1, run("", "vellum:swap orders " + wrong));
            assertTrue(errors().contains("usage: vellum:swap REGION AXIS=SELECTOR..."), wrong + ": " + errors());
        }
        assertEquals(1, run("", "vellum:swap orders strategy=hybrid"));
        assertTrue(errors().contains("no strategy matches 'hybrid'"), errors());
        assertEquals(1, run("", "vellum:swap nothing strategy=dirty-bit"));
        assertTrue(errors().contains("no region 'nothing' is open"), errors());
    }

    @Test
    void regionsAreATable() {
        assertEquals(0, run("", "vellum:open orders 64MiB", "vellum:open a 4KiB", "vellum:commit orders"));
        assertEquals(0, run("", "vellum:regions"));
        assertEquals("""
                NAME    STATE    SIZE  EPOCH  COMMITS   LOGGED         ADDRESS  PROVIDERS
                a       open    4 KiB      0        0  1.5 KiB  0x100000000000  host/host/dirty-bit/file
                orders  open   64 MiB      1        1  1.5 KiB  0x100000000000  host/host/dirty-bit/file
                """, output());
    }

    @Test
    void withoutRegionsTheTableIsASentence() {
        assertEquals(0, run("", "vellum:regions", "vellum:status"));
        assertEquals("no regions are open (vellum:open NAME SIZE opens one)\n".repeat(2), output());
    }

    @Test
    void statusShowsTheChosenRegionsOrAllWithTheirRemarks() {
        run("", "vellum:open one 4KiB", "vellum:open two 8KiB");
        assertEquals(0, run("", "vellum:status two"));
        assertTrue(output().startsWith("region          two\nstate           open\nsize            8 KiB\n"), output());
        assertTrue(output().contains("last gate       45.6 µs\n"), output());
        assertTrue(output().endsWith("remark          the size was rounded up\n"), output());
        assertEquals(0, run("", "vellum:status"));
        assertTrue(output().contains("region          one\n") && output().contains("region          two\n"), output());
    }

    @Test
    void aRegionCanBeOpenedOnAVmmAndAStrategyByName() {
        assertEquals(0, run("", "vellum:open --vmm kvm --strategy write-protect orders 4KiB"), errors());
        assertEquals("kvm", regions.lastOptions.vmm());
        assertEquals("write-protect", regions.lastOptions.strategy());
        assertEquals(4096, regions.lastOptions.size());
        assertEquals(0, run("", "vellum:open --vmm host orders"), errors());
        assertEquals("host", regions.lastOptions.vmm());
        assertEquals("auto", regions.lastOptions.strategy());
    }

    @Test
    void commitSaysWhichEpochIsDurable() {
        assertEquals(0, run("", "vellum:open orders 4KiB", "vellum:commit orders", "vellum:commit orders"));
        assertTrue(output().endsWith("region 'orders': epoch 1 is durable\nregion 'orders': epoch 2 is durable\n"));
    }

    @Test
    void closeClosesAndTheNameIsGone() {
        assertEquals(0, run("", "vellum:open orders 4KiB", "vellum:close orders"));
        assertTrue(regions.regions().isEmpty());
        assertEquals(1, run("", "vellum:close orders"));
        assertEquals("vellum run: 'vellum:close orders': no region 'orders' is open; none is\n", errors());
    }

    @Test
    void nothingIsDoneWhenOneOfTheNamesIsUnknown() {
        run("", "vellum:open orders 4KiB");
        assertEquals(1, run("", "vellum:close orders ordres"));
        assertTrue(errors().endsWith("no region 'ordres' is open; open: orders\n"), errors());
        assertEquals(1, regions.regions().size());
    }

    @Test
    void refusalsOfTheRegionsAreShownAsSentences() {
        regions.diskFull = true;
        assertEquals(1, run("", "vellum:open orders 4KiB", "vellum:commit orders"));
        assertEquals(
                "vellum run: 'vellum:commit orders': region 'orders': the log cannot grow: No space left on device\n",
                errors());
        assertEquals(1, run("", "vellum:open other 0"));
        assertTrue(errors().contains("region size 0"), errors());
        assertEquals(1, run("", "vellum:commit"));
        assertTrue(errors().endsWith("vellum:commit needs the name of a region; open: orders\n"), errors());
    }

    @Test
    void aShellShowsAFailureWithoutTheNameOfItsClass() {
        assertEquals("a sentence", new ShellFailure("a sentence").toString());
    }

    @Test
    void theLinesOfStandardInputAreRunUntilOneFails() {
        assertEquals(1, run("vellum:open orders 4KiB\n\nvellum:commit ordres\nvellum:close orders\n"));
        assertEquals(1, regions.regions().size(), "what follows the failure is not run");
        assertEquals(0, run("vellum:close orders"));
        assertTrue(regions.regions().isEmpty());
    }

    @Test
    void aLineThatLeavesABraceOpenIsContinued() {
        assertEquals(0, run("open-it = {\nvellum:open $1 4KiB\n}\nopen-it orders\n"));
        assertEquals("orders", regions.regions().get(0).name());
    }

    @Test
    void unknownCommandsAndSyntaxErrorsFail() {
        assertEquals(1, run("", "vellum:fly"));
        assertTrue(errors().contains("vellum:fly"), errors());
        assertEquals(1, run("{ {\n"));
        assertFalse(errors().isEmpty());
    }

    @Test
    void aRegionThatIsConfiguredAndNotOpenIsShownWithItsReason() {
        regions.wanted = List.of(new WantedRegion(
                "stock",
                "configuration org.vellum.region~stock",
                WantedRegion.Obstacle.PROVIDER_MISSING,
                "it is in store 'file', which is not there",
                Instant.EPOCH,
                Instant.EPOCH));

        run("", "vellum:regions");
        assertTrue(output().contains("configured and not open:"), output());
        assertTrue(output().contains("stock  provider missing  1970-01-01T00:00:00Z  it is in store 'file'"), output());
        run("", "vellum:status");
        assertTrue(output().contains("not open: provider missing"), output());
        run("", "vellum:status stock");
        assertTrue(output().contains("configuration org.vellum.region~stock"), output());
        assertTrue(output().contains("it is in store 'file', which is not there"), output());
    }
}
