// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.host;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.bundle.Capability;
import org.osgi.annotation.bundle.Requirement;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeProvider;

/**
 * The process's own page table, changed through userfaultfd, PAGEMAP_SCAN and mprotect. Shows what {@code
 * /proc/self/pagemap} does: the leaves as one level, the flags P, S, F, E and T, and where in memory a page is only to a
 * process with CAP_SYS_ADMIN.
 */
@Component(
        service = {PageTable.class, Diagnosis.class},
        property = PageTable.PROPERTY + "=" + HostPageTable.NAME)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.PAGE_TABLE,
        attribute = {ProviderNamespace.NAME + "=host", ProviderNamespace.IS_PORTABLE})
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.VMM,
        filter = "(" + ProviderNamespace.NAME + "=host)",
        effective = "active")
public final class HostPageTable extends NativeProvider implements PageTable, Diagnosis {
    static final String NAME = "host";

    private final Pagemap pagemap = new Pagemap(Path.of("/proc/self"));

    @Activate
    public HostPageTable() {
        super(NAME, "vellum_pagetable_host");
    }

    @Deactivate
    @Override
    public void close() {
        super.close();
    }

    @Override
    public boolean worksWith(Vmm vmm) {
        return vmm.name().equals("host");
    }

    /** Asks the native half, which tries the mechanism on a scratch page rather than look at a version number. */
    @Override
    public Optional<String> obstacleTo(Tracking tracking) {
        int mirrored = switch (tracking) {
            case WRITE_PROTECT -> 1;
            case DIRTY_BIT -> 2;
        };
        return library().obstacle("vellum_pagetable_host_obstacle", mirrored);
    }

    @Override
    public List<PageTableEntry> levels(long address) {
        return List.of(pagemap.entry(address));
    }

    @Override
    public void walk(long address, long length, Visitor visitor) {
        pagemap.walk(address, length, visitor);
    }

    /** Permissions are not shown, so that of an unprotected page nothing can be said. */
    @Override
    public Optional<String> meaning(PageTableEntry leaf) {
        return leaf.has(Flag.PROTECTED) ? Optional.of("closed (write-protected)") : Optional.empty();
    }

    @Override
    public String title() {
        return "Page table " + NAME;
    }

    @Override
    public List<Finding> examine() {
        return Arrays.stream(HostMechanism.values())
                .map(mechanism -> {
                    long[] times = new long[2]; // struct host_page_times
                    return library()
                            .obstacle("vellum_pagetable_host_measure", mechanism.ordinal(), times)
                            .map(mechanism::lacking)
                            .orElseGet(() -> mechanism.works(times[0], times[1]));
                })
                .toList();
    }
}
