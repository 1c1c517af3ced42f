// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.List;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

class WorkTest {
    private static final int SORTED = 10_000;
    private static final int SLOTS = 1024;
    private static final int OPERATIONS = 20_000;

    @Test
    void javaAndCDoTheSameWork() {
        List<Work> all = Work.all(SORTED, SLOTS, OPERATIONS);
        for (long seed = 1; seed <= 3; seed++) {
            assertEquals(all.get(0).run(seed), all.get(2).run(seed), all.get(0) + " and " + all.get(2));
            assertEquals(all.get(1).run(seed), all.get(3).run(seed), all.get(1) + " and " + all.get(3));
        }
    }

    @Test
    void aWorkDoneAgainGivesTheSameAndAnotherSeedSomethingElse() {
        for (Work work : Work.all(SORTED, SLOTS, OPERATIONS)) {
            long first = work.run(1);
            assertNotEquals(first, work.run(2), work.toString());
            assertEquals(first, work.run(1), work.toString());
        }
    }
}
