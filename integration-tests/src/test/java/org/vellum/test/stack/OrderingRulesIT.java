// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a process that was killed leaves behind: the last commit, all of it, and nothing else. */
class OrderingRulesIT {
    private static final long SIZE = 1 << 20;
    private static final long LINE = 4096 + 128;

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    private Region reopen() {
        return STACK.regions().open("survivor", RegionOptions.existing().withDirectory(folder));
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void aLineThatReturnsToItsOldContentIsRecoveredWithIt(String strategy) throws Exception {
        long epoch;
        try (ScriptedChild child = ScriptedChild.open("survivor", folder, strategy, SIZE)) {
            child.store(LINE, 3);
            child.commit();
            child.store(LINE, 5);
            child.commit();
            child.store(LINE, 3);
            epoch = child.commit();
            child.kill();
        }
        try (Region region = reopen()) {
            assertEquals(3, region.buffer(LINE, 8).getLong(0));
            assertEquals(epoch, region.status().epoch());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void aLineThatReturnsToWhatTheHomeImageHoldsIsRecoveredWithIt(String strategy) throws Exception {
        try (Region region = STACK.regions()
                .open("survivor", RegionOptions.size(SIZE).withDirectory(folder).withStrategy(strategy))) {
            region.buffer(LINE, 8).putLong(0, 3);
            region.commit();
        }
        try (ScriptedChild child = ScriptedChild.open("survivor", folder, strategy, SIZE)) {
            assertEquals(3, child.load(LINE));
            child.store(LINE, 5);
            child.commit();
            child.store(LINE, 3);
            child.commit();
            child.kill();
        }
        try (Region region = reopen()) {
            assertEquals(3, region.buffer(LINE, 8).getLong(0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void anUncommittedStoreIsGoneAfterAKill(String strategy) throws Exception {
        long address;
        try (ScriptedChild child = ScriptedChild.open("survivor", folder, strategy, SIZE)) {
            address = child.address();
            child.store(LINE, 41);
            child.store(SIZE - 8, 42);
            child.commit();
            child.store(LINE, 13);
            child.store(0, 14);
            assertEquals(13, child.load(LINE));
            child.kill();
        }
        try (Region region = reopen()) {
            assertEquals(41, region.buffer(LINE, 8).getLong(0));
            assertEquals(42, region.buffer(SIZE - 8, 8).getLong(0));
            assertEquals(0, region.buffer(0, 8).getLong(0));
            assertEquals(address, region.address());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void everyAcknowledgedCommitIsThereAfterAKillInTheMiddleOfCommits(String strategy) throws Exception {
        long acknowledged;
        try (ScriptedChild child = ScriptedChild.open("survivor", folder, strategy, SIZE)) {
            child.count();
            while (child.acknowledged() < 200) {}
            child.kill();
            acknowledged = child.lastAcknowledged();
        }
        try (Region region = reopen()) {
            long[] offsets = ScriptedChild.countedOffsets(SIZE);
            long recovered = region.buffer(offsets[0], 8).getLong(0);
            assertTrue(
                    recovered == acknowledged || recovered == acknowledged + 1,
                    "acknowledged " + acknowledged + ", recovered " + recovered);
            for (long offset : offsets) {
                assertEquals(recovered, region.buffer(offset, 8).getLong(0), "at " + offset);
            }
        }
    }
}
