package org.vellum.api.provider;

import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** A page table: how permissions and dirty bits are read and changed. Lifetime as with {@link Vmm}. */
@ProviderType
public interface PageTable {
    /** Service property: the page table's name. */
    String PROPERTY = "vellum.pagetable";

    /** The page table's name, {@code host} or {@code guest}. */
    String name();

    /** Address of its {@code struct vellum_pagetable_operations}, valid as long as the service is registered. */
    long operations();

    /** Whether it can be combined with this VMM. */
    boolean worksWith(Vmm vmm);

    /**
     * Whether it can track in this way on this host, measured, not assumed.
     *
     * @return empty if it can; else one sentence that says what is missing
     */
    Optional<String> obstacleTo(Tracking tracking);
}
