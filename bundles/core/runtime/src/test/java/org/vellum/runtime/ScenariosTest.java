// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime;

import java.time.Duration;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.vellum.schedules.Scenario;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

/** The scenarios by whatever schedules come about; {@code ./vellum schedules} chooses them. */
class ScenariosTest {
    private static final int RUNS = 20;
    /** Only guards against threads that wait for ever. */
    private static final Duration GUARD = Duration.ofMinutes(2);

    @TestFactory
    Stream<DynamicTest> everyScenarioHolds() {
        return Scenarios.all().stream().map(ScenariosTest::test);
    }

    private static DynamicTest test(Supplier<Scenario> scenario) {
        return DynamicTest.dynamicTest(
                scenario.get().name(),
                () -> assertTimeoutPreemptively(GUARD, () -> {
                    for (int run = 0; run < RUNS; run++) {
                        scenario.get().run();
                    }
                }));
    }
}
