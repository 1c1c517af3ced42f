package org.vellum.vmm.host;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.ProviderLibrary;

/** No virtualisation: the writing code runs where it always did, and the host page table stops it. */
@Component(property = Vmm.PROPERTY + "=" + HostVmm.NAME)
public final class HostVmm implements Vmm {
    static final String NAME = "host";

    private final ProviderLibrary library;
    private final long operations;

    @Activate
    public HostVmm() {
        library = ProviderLibrary.open("vellum_vmm_host", HostVmm.class);
        operations = library.variable("vellum_vmm_host");
    }

    @Deactivate
    public void close() {
        library.close();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public long operations() {
        return operations;
    }
}
