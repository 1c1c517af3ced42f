// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.util.ArrayList;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.bundle.Capability;
import org.osgi.annotation.bundle.Requirement;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Vmm;

/**
 * Offers {@link KvmVmm} where it works, and tells the doctor why or why not. Where it does not work, a line in the log
 * says why and no {@link Vmm} is registered; what is registered is decided once, when the bundle starts.
 */
@Component(service = Diagnosis.class, immediate = true)
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.api.provider.Vmm'")
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.VMM,
        attribute = {ProviderNamespace.NAME + "=kvm"})
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.PAGE_TABLE,
        filter = "(" + ProviderNamespace.NAME + "=guest)",
        effective = "active")
public final class KvmProvider implements Diagnosis {
    /** Below the host backend's 0: guest mode is used where it is asked for. */
    static final int RANKING = -10;

    private static final System.Logger LOGGER = System.getLogger(KvmProvider.class.getName());

    private final KvmBackend backend;
    private final Optional<String> obstacle;
    /** Null: there is an obstacle. */
    private final @Nullable ServiceRegistration<Vmm> registration;

    @Activate
    public KvmProvider(BundleContext context) {
        this(context, new KvmVmm());
    }

    /** @param backend closed at {@link #stop}, or here when there is an obstacle */
    KvmProvider(BundleContext context, KvmBackend backend) {
        this.backend = backend;
        obstacle = backend.obstacle();
        if (obstacle.isPresent()) {
            backend.close();
            registration = null;
            LOGGER.log(System.Logger.Level.INFO, "VMM backend '" + KvmVmm.NAME + "' is not offered: " + obstacle.get());
            return;
        }
        Dictionary<String, Object> properties =
                new Hashtable<>(Map.of(Vmm.PROPERTY, KvmVmm.NAME, Constants.SERVICE_RANKING, RANKING));
        registration = context.registerService(Vmm.class, backend, properties);
    }

    /** The runtime leaves the native code while the service is being unregistered; then that is released. */
    @Deactivate
    public void stop() {
        if (registration != null) {
            registration.unregister();
        }
        backend.close();
    }

    @Override
    public String title() {
        return "VMM " + KvmVmm.NAME;
    }

    @Override
    public List<Finding> examine() {
        if (obstacle.isPresent()) {
            return List.of(Finding.lacking("guest mode", obstacle.get()));
        }
        List<Finding> findings = new ArrayList<>(KvmFindings.ofHost(backend.measurements()));
        findings.addAll(KvmFindings.ofMachine(backend.counters()));
        return findings;
    }
}
