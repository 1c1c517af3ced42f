// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.host;

import org.osgi.annotation.bundle.Capability;
import org.osgi.annotation.bundle.Requirement;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeProvider;

/** No virtualisation: the writing code runs where it always did, and the host page table stops it. */
@Component(property = Vmm.PROPERTY + "=" + HostVmm.NAME)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.VMM,
        attribute = {ProviderNamespace.NAME + "=host", ProviderNamespace.IS_PORTABLE})
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.PAGE_TABLE,
        filter = "(" + ProviderNamespace.NAME + "=host)",
        effective = "active")
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
