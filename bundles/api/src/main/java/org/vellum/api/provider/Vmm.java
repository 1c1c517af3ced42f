// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import org.osgi.annotation.versioning.ProviderType;

/**
 * The VMM backend: where the writing code runs. Registered with {@link #PROPERTY}; before the service is unregistered the
 * runtime detaches it from every region, so that no thread is in its native code when its bundle stops.
 */
@ProviderType
public interface Vmm {
    /** Service property: the backend's name. */
    String PROPERTY = "vellum.vmm";

    /** The backend's name, {@code host} or {@code kvm}. */
    String name();

    /** Address of its {@code struct vellum_vmm_operations}, valid as long as the service is registered. */
    long operations();
}
