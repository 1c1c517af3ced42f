// SPDX-License-Identifier: Apache-2.0
package org.vellum.health;

import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.felix.hc.api.Result;
import org.junit.jupiter.api.Test;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.Diagnosis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RegionsCheckTest {
    /** A manager of one region in this state, last committed so long ago. */
    private static RegionManager one(RegionStatus.State state, long secondsAgo) {
        RegionStatus status = new RegionStatus(
                "orders",
                state,
                4096,
                4096,
                1,
                new RegionStatus.Providers("host", "host", "dirty-bit", "file"),
                1,
                0,
                0,
                1,
                1,
                64,
                192,
                4096,
                1,
                65536,
                List.of("a provider is missing"),
                Optional.empty(),
                Optional.empty());
        RegionActivity.Commit commit =
                new RegionActivity.Commit(Instant.now().minusSeconds(secondsAgo), 1, 1000, 1, 64);
        RegionActivity activity = proxy(RegionActivity.class, "commits", List.of(commit));
        Region region = (Region) Proxy.newProxyInstance(
                Region.class.getClassLoader(),
                new Class<?>[] {Region.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "name" -> "orders";
                    case "status" -> status;
                    case "activity" -> activity;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
        return manager(List.of(region), List.of());
    }

    private static RegionManager manager(List<Region> open, List<WantedRegion> wanted) {
        return (RegionManager) Proxy.newProxyInstance(
                RegionManager.class.getClassLoader(),
                new Class<?>[] {RegionManager.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "regions" -> open;
                    case "wanted" -> wanted;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    private static Result wanted(WantedRegion.Obstacle obstacle) {
        WantedRegion wanted = new WantedRegion(
                "orders",
                "configuration org.vellum.region~orders",
                obstacle,
                "the reason",
                Instant.now(),
                Instant.now());
        return new RegionsCheck(manager(List.of(), List.of(wanted)), List.of(), 0).execute();
    }

    private static <T> T proxy(Class<T> type, String name, Object answer) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    if (method.getName().equals(name)) {
                        return answer;
                    }
                    throw new UnsupportedOperationException(method.getName());
                }));
    }

    private static Result.Status check(RegionStatus.State state, long secondsAgo, long oldest) {
        return new RegionsCheck(one(state, secondsAgo), List.of(), oldest)
                .execute()
                .getStatus();
    }

    @Test
    void stateDecides() {
        assertEquals(Result.Status.OK, check(RegionStatus.State.OPEN, 0, 0));
        assertEquals(Result.Status.WARN, check(RegionStatus.State.DEGRADED, 0, 0));
        assertEquals(Result.Status.CRITICAL, check(RegionStatus.State.FAILED, 0, 0));
    }

    @Test
    void anOldCommitIsAWarningWhereItIsAskedFor() {
        assertEquals(Result.Status.OK, check(RegionStatus.State.OPEN, 3600, 0));
        assertEquals(Result.Status.WARN, check(RegionStatus.State.OPEN, 3600, 60));
        assertEquals(Result.Status.OK, check(RegionStatus.State.OPEN, 10, 60));
    }

    @Test
    void aConfiguredRegionThatIsNotOpenIsCritical() {
        for (WantedRegion.Obstacle obstacle : List.of(
                WantedRegion.Obstacle.DAMAGED,
                WantedRegion.Obstacle.PROVIDER_MISSING,
                WantedRegion.Obstacle.BUSY,
                WantedRegion.Obstacle.INVALID,
                WantedRegion.Obstacle.REFUSED)) {
            assertEquals(Result.Status.CRITICAL, wanted(obstacle).getStatus(), obstacle.name());
        }
        assertTrue(wanted(WantedRegion.Obstacle.DAMAGED).toString().contains("the reason"));
        assertEquals(Result.Status.WARN, wanted(WantedRegion.Obstacle.CLOSED).getStatus());
        assertEquals(
                Result.Status.TEMPORARILY_UNAVAILABLE,
                wanted(WantedRegion.Obstacle.STARTING).getStatus());
    }

    @Test
    void withoutARegionManagerItIsCriticalAndSaysWhatIsMissing() {
        Diagnosis diagnosis = new Diagnosis() {
            @Override
            public String title() {
                return "Providers";
            }

            @Override
            public List<Finding> examine() {
                return List.of(Finding.broken("store", "none is registered"), Finding.fact("strategy", "dirty-bit"));
            }
        };

        Result result = new RegionsCheck(null, List.of(diagnosis), 0).execute();

        assertEquals(Result.Status.CRITICAL, result.getStatus());
        assertTrue(result.toString().contains("Providers, store: none is registered"), result.toString());
        assertEquals(
                Result.Status.CRITICAL,
                new RegionsCheck(null, List.of(), 0).execute().getStatus());
    }

    @Test
    void aValueThatIsNoNumberIsAWarningAndTheOneBeforeStays() {
        RegionsCheck check = new RegionsCheck(one(RegionStatus.State.OPEN, 3600), List.of(), 0);
        check.configure(Map.of("oldestCommit", 60));
        assertEquals(Result.Status.WARN, check.execute().getStatus());

        check.configure(Map.of("oldestCommit", "an hour"));

        String result = check.execute().toString();
        assertTrue(
                result.contains("oldestCommit 'an hour' is refused: expected a whole number; 60 stays in force"),
                result);
        assertTrue(result.contains("has not committed for"), result);
    }
}
