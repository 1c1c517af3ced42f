package org.vellum.health;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.felix.hc.api.FormattingResultLog;
import org.apache.felix.hc.api.HealthCheck;
import org.apache.felix.hc.api.Result;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;

/** Whether every open region works, and commits as often as it should. */
@Component(property = {"hc.name=Vellum regions", "hc.tags=vellum"})
@Designate(ocd = RegionsCheck.Configuration.class)
public final class RegionsCheck implements HealthCheck {
    /** PID {@code org.vellum.health.RegionsCheck}. */
    @ObjectClassDefinition(name = "Vellum health: regions", description = "When open regions count as healthy")
    public @interface Configuration {
        /** 0: any age will do. */
        @AttributeDefinition(
                name = "Oldest commit",
                description = "Seconds after which a region that has committed is expected to have done so again; 0: any"
                        + " age will do",
                min = "0")
        long oldestCommit() default 0;
    }

    private final RegionManager regions;
    private final long oldestCommitSeconds;

    @Activate
    public RegionsCheck(@Reference RegionManager regions, Configuration configuration) {
        this(regions, configuration.oldestCommit());
    }

    RegionsCheck(RegionManager regions, long oldestCommitSeconds) {
        this.regions = regions;
        this.oldestCommitSeconds = oldestCommitSeconds;
    }

    @Override
    public Result execute() {
        FormattingResultLog log = new FormattingResultLog();
        List<Region> open = regions.regions();
        log.info("{} regions are open", open.size());
        for (Region region : open) {
            checkState(region.status(), log);
            checkAge(region, log);
        }
        return new Result(log);
    }

    private static void checkState(RegionStatus status, FormattingResultLog log) {
        String remarks = String.join("; ", status.remarks());
        switch (status.state()) {
            case OPEN -> log.info("region '{}' works, epoch {}, {}", status.name(), status.epoch(), status.providers());
            case DEGRADED -> log.warn("region '{}' is degraded: {}", status.name(), remarks);
            case FAILED -> log.critical("region '{}' takes no stores and no commits: {}", status.name(), remarks);
            case CLOSED -> log.info("region '{}' was closed meanwhile", status.name());
        }
    }

    private void checkAge(Region region, FormattingResultLog log) {
        List<RegionActivity.Commit> commits = region.activity().commits();
        if (oldestCommitSeconds == 0 || commits.isEmpty()) {
            return;
        }
        Duration age = Duration.between(commits.get(commits.size() - 1).when(), Instant.now());
        if (age.toSeconds() > oldestCommitSeconds) {
            log.warn(
                    "region '{}' has not committed for {} s; at most {} s are expected",
                    region.name(),
                    age.toSeconds(),
                    oldestCommitSeconds);
        }
    }
}
