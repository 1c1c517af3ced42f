// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The system's SQLite, unmodified, keeps its database in a region, and every acknowledged row through SIGKILL. */
class SqliteIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    /** Fewer than fill the region. */
    private static final int BATCHES_FOR_EACH_KILL = 300;

    private static final int LAST_BATCHES = 10;

    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0}, {1}, {2} kills")
    @CsvSource({"kvm, dirty-bit, 2", "kvm, write-protect, 2", "host, dirty-bit, 1", "host, write-protect, 1"})
    void everyAcknowledgedRowIsThereAfterSigkill(String vmm, String strategy, int kills) throws Exception {
        String what = "everyAcknowledgedRowIsThereAfterSigkill on " + vmm;
        Kvm.requireFor(vmm, what);
        requireSqlite(what);
        long seed = System.nanoTime();
        System.out.println(vmm + " " + strategy + ": seed " + seed);
        Random random = new Random(seed);
        int acknowledged = 0;
        for (int kill = 0; kill < kills; kill++) {
            try (ChildProcess child = start(vmm, strategy, BATCHES_FOR_EACH_KILL)) {
                assertHolds(acknowledged, child);
                int from = random.nextInt(BATCHES_FOR_EACH_KILL / 4);
                for (int i = 0; i <= from; i++) {
                    child.await(SqliteWorkload.ACKNOWLEDGED, PATIENCE);
                }
                long moment = System.nanoTime() + random.nextInt(5_000_000);
                while (System.nanoTime() < moment) {
                    Thread.onSpinWait();
                }
                child.kill();
                acknowledged = acknowledged();
            }
        }
        try (ChildProcess child = start(vmm, strategy, LAST_BATCHES)) {
            assertHolds(acknowledged, child);
            child.succeed(PATIENCE);
            acknowledged = acknowledged();
        }
        if (vmm.equals(Kvm.NAME)) {
            // the same image, without virtualisation
            try (ChildProcess child = start("host", strategy, 0)) {
                assertEquals(acknowledged, Integer.parseInt(child.await(SqliteWorkload.FOUND, PATIENCE)));
                child.succeed(PATIENCE);
            }
        }
        System.out.println(vmm + " " + strategy + ": " + kills + " kills, " + acknowledged + " batches");
    }

    private ChildProcess start(String vmm, String strategy, int batches) {
        return ChildProcess.start(SqliteWorkload.class, folder.toString(), vmm, strategy, Integer.toString(batches));
    }

    /** All that was acknowledged, and perhaps the one batch that was about to be. */
    private static void assertHolds(int acknowledged, ChildProcess child) throws InterruptedException {
        int found = Integer.parseInt(child.await(SqliteWorkload.FOUND, PATIENCE));
        assertTrue(
                found == acknowledged || found == acknowledged + 1,
                () -> acknowledged + " batches acknowledged, " + found + " found");
    }

    /** How many batches the child, which is dead, had seen committed. */
    private int acknowledged() throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(folder.resolve(SqliteWorkload.ACKNOWLEDGED_FILE)))
                .getInt();
    }

    private static void requireSqlite(String what) {
        String reason = null;
        try {
            NativeLibrary.getInstance(Sqlite.LIBRARY).close();
        } catch (UnsatisfiedLinkError e) {
            reason = "no " + Sqlite.LIBRARY + " (Debian package libsqlite3-0)";
        }
        Skip.unless(reason == null, what, reason);
    }
}
