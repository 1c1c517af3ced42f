package org.vellum.pagetable.host;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeProvider;

/** The process's own page table, through userfaultfd, PAGEMAP_SCAN and mprotect. */
@Component(property = PageTable.PROPERTY + "=" + HostPageTable.NAME)
public final class HostPageTable extends NativeProvider implements PageTable {
    static final String NAME = "host";

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
        int mirrored =
                switch (tracking) {
                    case WRITE_PROTECT -> 1;
                    case DIRTY_BIT -> 2;
                };
        byte[] reason = new byte[512];
        if (library().call("vellum_pagetable_host_obstacle", mirrored, reason, reason.length) == 0) {
            return Optional.empty();
        }
        String text = new String(reason, StandardCharsets.UTF_8);
        return Optional.of(text.substring(0, Math.max(0, text.indexOf('\0'))));
    }
}
