// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.guest;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.bundle.Capability;
import org.osgi.annotation.bundle.Requirement;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.propertytypes.ServiceRanking;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeProvider;

/**
 * The four levels of tables that the process, as a KVM guest, runs on; its physical addresses are the guest's. Shows the
 * flags P, W, U, A, D and L. There are tables while a region is attached, one set for all of them.
 */
@Component(property = PageTable.PROPERTY + "=" + GuestPageTable.NAME)
@ServiceRanking(-10) // as the VMM backend it works with
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.PAGE_TABLE,
        attribute = {ProviderNamespace.NAME + "=guest"})
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.VMM,
        filter = "(" + ProviderNamespace.NAME + "=kvm)",
        effective = "active")
public final class GuestPageTable extends NativeProvider implements PageTable {
    static final String NAME = "guest";

    private final GuestTables tables = new GuestTables(this::read);

    @Activate
    public GuestPageTable() {
        super(NAME, "vellum_pagetable_guest");
    }

    @Deactivate
    @Override
    public void close() {
        super.close();
    }

    @Override
    public boolean worksWith(Vmm vmm) {
        return vmm.name().equals("kvm");
    }

    @Override
    public Optional<String> obstacleTo(Tracking tracking) {
        int mirrored = switch (tracking) {
            case WRITE_PROTECT -> 1;
            case DIRTY_BIT -> 2;
        };
        return library().obstacle("vellum_pagetable_guest_obstacle", mirrored);
    }

    private int read(long address, long[] entries) {
        return library().call("vellum_pagetable_guest_walk", address, entries);
    }

    @Override
    public List<PageTableEntry> levels(long address) {
        return tables.levels(address);
    }

    @Override
    public void walk(long address, long length, Visitor visitor) {
        tables.walk(address, length, visitor);
    }

    /** The two forms of a region's entry ({@code native/include/vellum/guest.h}). */
    @Override
    public Optional<String> meaning(PageTableEntry leaf) {
        if (!leaf.has(Flag.PRESENT)) {
            return Optional.empty();
        }
        return Optional.of(leaf.has(Flag.WRITABLE) ? "open (alias)" : "closed (view)");
    }
}
