// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Tracking;

/**
 * The providers that are registered, what each page table can do here, and which of them {@code auto} selects. Calls
 * into providers without a lock: one that goes meanwhile makes a finding of it.
 */
public final class ProviderDiagnosis implements Diagnosis {
    private final Supplier<Providers> providers;
    private final Supplier<List<Finding>> settings;

    /**
     * @param providers gives those there are now, as a snapshot
     * @param settings what is wrong with the runtime's configuration
     */
    public ProviderDiagnosis(Supplier<Providers> providers, Supplier<List<Finding>> settings) {
        this.providers = providers;
        this.settings = settings;
    }

    @Override
    public String title() {
        return "Providers";
    }

    @Override
    public List<Finding> examine() {
        Providers now = providers.get();
        List<Finding> findings = new ArrayList<>(settings.get());
        for (Axis axis : Axis.values()) {
            Offers<?> offers = now.of(axis);
            findings.add(
                    offers.isEmpty()
                            ? Finding.broken(
                                    axis.label(),
                                    "none is registered: start a bundle that provides one, such as "
                                            + axis.usualBundle())
                            : Finding.fact(axis.label(), offers.names()));
        }
        for (Offers.Offer<PageTable> table : now.pageTables().all()) {
            for (Tracking tracking : Tracking.values()) {
                findings.add(tracking(table, tracking));
            }
        }
        findings.add(choice("auto", now, RegionOptions.existing(), Verdict.BROKEN));
        for (Offers.Offer<?> vmm : now.vmms().all()) {
            findings.add(
                    choice("--vmm " + vmm.name(), now, RegionOptions.existing().withVmm(vmm.name()), Verdict.LACKING));
        }
        return findings;
    }

    private static Finding tracking(Offers.Offer<PageTable> table, Tracking tracking) {
        String subject = "page table " + table.name() + ", " + way(tracking);
        Optional<String> obstacle;
        try {
            obstacle = table.service().obstacleTo(tracking);
        } catch (IllegalStateException e) {
            return Finding.lacking(subject, e.getMessage());
        }
        return obstacle.map(sentence -> Finding.lacking(subject, sentence))
                .orElseGet(() -> Finding.works(subject, "can be tracked"));
    }

    private static String way(Tracking tracking) {
        return switch (tracking) {
            case WRITE_PROTECT -> "first stores";
            case DIRTY_BIT -> "dirty bits";
        };
    }

    /** What a region opened with these options would be composed of. */
    private static Finding choice(String subject, Providers now, RegionOptions options, Verdict otherwise) {
        try {
            Tuple tuple = now.select("a region", options);
            String remarks = tuple.remarks().isEmpty() ? "" : "; " + String.join("; ", tuple.remarks());
            return Finding.works(subject, tuple.names() + remarks);
        } catch (ProviderMissingException | IllegalStateException e) {
            return new Finding(otherwise, subject, e.getMessage());
        }
    }
}
