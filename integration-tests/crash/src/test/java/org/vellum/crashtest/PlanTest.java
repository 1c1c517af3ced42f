// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.Phase;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PlanTest {
    private static final String COMMON =
            "check=bank\nseed=4\nverify=false\nacknowledged.epoch=7\nacknowledged.progress=1,2\n";

    @TempDir
    Path folder;

    private Plan read(String text) throws IOException {
        return Plan.read(Files.writeString(folder.resolve("plan"), text));
    }

    @Test
    void whatEveryProcessIsTold() throws IOException {
        Plan plan = read(COMMON);
        assertEquals("bank", plan.check());
        assertEquals(4, plan.seed());
        assertEquals(7, plan.acknowledged().epoch());
        assertArrayEquals(new long[] {1, 2}, plan.acknowledged().progress());
        assertEquals(Optional.empty(), plan.aim());
        assertEquals(Optional.empty(), plan.life());
    }

    @Test
    void anAimAndALife() throws IOException {
        assertEquals(
                Optional.of(new Plan.Aim(Phase.CUT, 3, 0.5)),
                read(COMMON + "kill.phase=CUT\nkill.entry=3\nkill.fraction=0.5\n")
                        .aim());
        assertEquals(
                Optional.of(new Plan.Life(9, 12, 5000, true)),
                read(COMMON + "life.seed=9\nlife.swaps=12\nlife.delay=5000\nlife.counted=true\n")
                        .life());
    }

    @Test
    void whatIsMissingIsNamed() {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> read(COMMON + "life.seed=9\n"));
        assertTrue(refusal.getMessage().startsWith("the plan lacks 'life.swaps'"), refusal.getMessage());
    }
}
