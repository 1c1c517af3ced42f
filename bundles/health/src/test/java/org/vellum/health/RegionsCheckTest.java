package org.vellum.health;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.apache.felix.hc.api.Result;
import org.junit.jupiter.api.Test;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;

class RegionsCheckTest {
    /** A manager of one region in this state, last committed so long ago. */
    private static RegionManager one(RegionStatus.State state, long secondsAgo) {
        RegionStatus status = new RegionStatus(
                "orders", state, 4096, 4096, 1, new RegionStatus.Providers("host", "host", "dirty-bit", "file"), 1, 0, 0, 1,
                1, 64, 192, 4096, 1, 65536, List.of("a provider is missing"), Optional.empty(),
                Optional.empty());
        RegionActivity.Commit commit =
                new RegionActivity.Commit(Instant.now().minusSeconds(secondsAgo), 1, 1000, 1, 64);
        RegionActivity activity = proxy(RegionActivity.class, "commits", List.of(commit));
        Region region = (Region) Proxy.newProxyInstance(
                Region.class.getClassLoader(), new Class<?>[] {Region.class}, (proxy, method, arguments) -> switch (
                        method.getName()) {
                    case "name" -> "orders";
                    case "status" -> status;
                    case "activity" -> activity;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
        return proxy(RegionManager.class, "regions", List.of(region));
    }

    private static <T> T proxy(Class<T> type, String name, Object answer) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            if (method.getName().equals(name)) {
                return answer;
            }
            throw new UnsupportedOperationException(method.getName());
        }));
    }

    private static Result.Status check(RegionStatus.State state, long secondsAgo, long oldest) {
        return new RegionsCheck(one(state, secondsAgo), oldest).execute().getStatus();
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
}
