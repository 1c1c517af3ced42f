// SPDX-License-Identifier: Apache-2.0
package org.vellum.health;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.felix.hc.api.FormattingResultLog;
import org.apache.felix.hc.api.HealthCheck;
import org.apache.felix.hc.api.Result;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.DeleteCallsModify;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.Settings;

/**
 * Whether every region that is open works, and commits as often as it should; whether every region that is configured is open;
 * and whether there can be regions at all: without a {@link RegionManager} it says what is missing for one.
 */
@Component(
        service = HealthCheck.class,
        configurationPid = RegionsCheck.PID,
        property = {"hc.name=Vellum regions", "hc.tags=vellum"})
@Designate(ocd = RegionsCheck.Configuration.class)
@DeleteCallsModify
public final class RegionsCheck implements HealthCheck {
    static final String PID = "org.vellum.health.RegionsCheck";

    /** PID {@value #PID}. */
    @ObjectClassDefinition(name = "Vellum health: regions", description = "When open regions count as healthy")
    public @interface Configuration {
        /** 0: any age will do. */
        @AttributeDefinition(
                name = "Oldest commit",
                description =
                        "Seconds after which a region that has committed is expected to have done so again; 0: any"
                                + " age will do",
                min = "0")
        long oldestCommit() default 0;
    }

    private final Settings settings = new Settings(PID);
    private volatile long oldestCommitSeconds;

    @Reference(
            cardinality = ReferenceCardinality.OPTIONAL,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile @Nullable RegionManager regions;

    /** They say what is missing. */
    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile List<Diagnosis> diagnoses = List.of();

    @Activate
    public RegionsCheck(Map<String, Object> properties) {
        configure(properties);
    }

    RegionsCheck(@Nullable RegionManager regions, List<Diagnosis> diagnoses, long oldestCommitSeconds) {
        this.regions = regions;
        this.diagnoses = diagnoses;
        this.oldestCommitSeconds = oldestCommitSeconds;
    }

    @Modified
    void configure(Map<String, Object> properties) {
        oldestCommitSeconds = settings.value(properties, "oldestCommit", 0L, oldestCommitSeconds, Settings.atLeast(0));
    }

    @Override
    public Result execute() {
        FormattingResultLog log = new FormattingResultLog();
        settings.refusals().forEach(refusal -> log.warn("{}", refusal));
        RegionManager manager = regions;
        if (manager == null) {
            noRegions(log);
            return new Result(log);
        }
        List<Region> open = manager.regions();
        log.info("{} regions are open", open.size());
        for (Region region : open) {
            checkState(region.status(), log);
            checkAge(region, log);
        }
        manager.wanted().forEach(wanted -> checkWanted(wanted, log));
        return new Result(log);
    }

    private void noRegions(FormattingResultLog log) {
        log.critical("no region can be opened: there is no service {}", RegionManager.class.getName());
        List<Diagnosis> asked = diagnoses;
        if (asked.isEmpty()) {
            log.critical("the bundle org.vellum.runtime, or org.vellum.nativelib that it needs, is not started");
        }
        for (Diagnosis diagnosis : asked) {
            try {
                diagnosis.examine().stream()
                        .filter(finding -> finding.verdict() == Diagnosis.Verdict.BROKEN)
                        .forEach(finding ->
                                log.critical("{}, {}: {}", diagnosis.title(), finding.subject(), finding.text()));
            } catch (RuntimeException e) { // of a bundle that is being stopped
                log.debug("{}: {}", diagnosis.title(), e);
            }
        }
    }

    private static void checkWanted(WantedRegion wanted, FormattingResultLog log) {
        String sentence = "region '" + wanted.name() + "', which " + wanted.wantedBy() + " asks for, is not open since "
                + wanted.since() + ": " + wanted.reason();
        switch (wanted.obstacle()) {
            case STARTING -> log.temporarilyUnavailable("{}", sentence);
            case CLOSED -> log.warn("{}", sentence);
            default -> log.critical("{}", sentence);
        }
    }

    private static void checkState(RegionStatus status, FormattingResultLog log) {
        String remarks = String.join("; ", status.remarks());
        switch (status.state()) {
            case OPEN -> {
                if (status.sections().stream()
                        .anyMatch(section -> section.abandoned().isPresent())) {
                    log.critical("region '{}' takes no commits: {}", status.name(), remarks);
                } else {
                    log.info("region '{}' works, epoch {}, {}", status.name(), status.epoch(), status.providers());
                }
            }
            case DEGRADED -> {
                if (status.providers().store().equals(RegionStatus.Providers.NONE)) {
                    log.critical("region '{}' cannot commit: {}", status.name(), remarks);
                } else {
                    log.warn("region '{}' is degraded: {}", status.name(), remarks);
                }
            }
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
