// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Diagnosis.Verdict;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.testing.FakeCore;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FakeStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ProviderDiagnosisTest {
    private static final String NO_SCAN = "this kernel has no PAGEMAP_SCAN";

    private final Providers providers = new Providers();
    private Optional<String> dirtyBitObstacle = Optional.empty();

    private PageTable table(String name, String vmm) {
        return FakeProviders.pageTable(
                name,
                (self, with) -> with.name().equals(vmm),
                tracking -> tracking == Tracking.DIRTY_BIT ? dirtyBitObstacle : Optional.empty());
    }

    @BeforeEach
    void hostProviders() {
        providers.vmms().put(FakeProviders.vmm("host"), FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
        providers.pageTables().put(table("host", "host"), FakeProviders.properties(PageTable.PROPERTY, "host", 0, 2));
        providers
                .strategies()
                .put(
                        FakeProviders.strategy("write-protect", Tracking.WRITE_PROTECT),
                        FakeProviders.properties(Strategy.PROPERTY, "write-protect", 0, 3));
        providers
                .strategies()
                .put(
                        FakeProviders.strategy("dirty-bit", Tracking.DIRTY_BIT),
                        FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 4));
        providers.stores().put(new FakeStore(new FakeCore()), FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));
    }

    private Finding finding(String subject) {
        List<Finding> findings = new ProviderDiagnosis(providers::snapshot, List::of)
                .examine().stream()
                        .filter(finding -> finding.subject().equals(subject))
                        .toList();
        assertEquals(1, findings.size(), subject + ": " + findings);
        return findings.get(0);
    }

    @Test
    void everyAxisNamesItsProvidersBestFirst() {
        assertEquals(Finding.fact("VMM backend", "host"), finding("VMM backend"));
        assertEquals(Finding.fact("strategy", "dirty-bit, write-protect"), finding("strategy"));
    }

    @Test
    void theChoiceIsTheTupleThatOpeningWouldTake() {
        assertEquals(Finding.works("auto", "host/host/dirty-bit/fake"), finding("auto"));
        dirtyBitObstacle = Optional.of(NO_SCAN);
        assertEquals(
                Finding.works(
                        "auto",
                        "host/host/write-protect/fake; strategy 'dirty-bit' gives way to 'write-protect': " + NO_SCAN),
                finding("auto"));
        assertEquals(Finding.lacking("page table host, dirty bits", NO_SCAN), finding("page table host, dirty bits"));
        assertEquals(Verdict.WORKS, finding("page table host, first stores").verdict());
    }

    @Test
    void eachVmmHasItsChoice() {
        providers.vmms().put(FakeProviders.vmm("kvm"), FakeProviders.properties(Vmm.PROPERTY, "kvm", -10, 6));
        Finding without = finding("--vmm kvm");
        assertEquals(Verdict.LACKING, without.verdict());
        assertTrue(without.text().startsWith("a region: no page table selected by 'auto' works with"), without.text());

        providers
                .pageTables()
                .put(table("guest", "kvm"), FakeProviders.properties(PageTable.PROPERTY, "guest", -10, 7));
        assertEquals(Finding.works("--vmm kvm", "kvm/guest/dirty-bit/fake"), finding("--vmm kvm"));
        assertEquals(Finding.works("--vmm host", "host/host/dirty-bit/fake"), finding("--vmm host"));
        assertEquals(Finding.works("auto", "host/host/dirty-bit/fake"), finding("auto"));
    }

    @Test
    void anAxisWithoutProvidersIsBroken() {
        Providers empty = new Providers();
        List<Finding> findings = new ProviderDiagnosis(empty::snapshot, List::of).examine();
        assertEquals(5, findings.size(), findings.toString());
        assertTrue(findings.stream().allMatch(finding -> finding.verdict() == Verdict.BROKEN), findings.toString());
    }
}
