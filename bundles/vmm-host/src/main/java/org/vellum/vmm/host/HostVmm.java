package org.vellum.vmm.host;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeProvider;

/** No virtualisation: the writing code runs where it always did, and the host page table stops it. */
@Component(property = Vmm.PROPERTY + "=" + HostVmm.NAME)
public final class HostVmm extends NativeProvider implements Vmm {
    static final String NAME = "host";

    @Activate
    public HostVmm() {
        super(NAME, "vellum_vmm_host");
    }

    @Deactivate
    @Override
    public void close() {
        super.close();
    }
}
