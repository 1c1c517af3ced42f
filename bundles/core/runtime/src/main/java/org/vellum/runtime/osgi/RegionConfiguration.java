// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.RegionOptions;

/** The configuration of one region, PID {@value org.vellum.api.RegionManager#CONFIGURATION_PID}. */
@ObjectClassDefinition(
        name = "Vellum region",
        description = "A persistent region, opened as long as this configuration exists and offered as a service")
public @interface RegionConfiguration {
    /** Property {@code region.name}. */
    @AttributeDefinition(
            name = "Name",
            description = "1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot; empty: what follows ~ in the"
                    + " configuration's PID, or all of it")
    String region_name() default "";

    /** Property {@code size}. */
    @AttributeDefinition(
            name = "Size",
            description = "A number with a unit B, KiB, MiB, GiB or TiB; empty: only open what exists")
    String size() default "64 MiB";

    /** Property {@code directory}. */
    @AttributeDefinition(name = "Directory", description = "Folder of the region's files; empty: the store's own")
    String directory() default "";

    /** Property {@code logSize}. */
    @AttributeDefinition(
            name = "Log size",
            description = "Log of a new region, as a size; logs grow when they must; empty: the store's choice")
    String logSize() default "";

    /** Property {@code vmm}. */
    @AttributeDefinition(name = "VMM backend", description = "auto, a provider's name or an LDAP filter")
    String vmm() default RegionOptions.AUTO;

    /** Property {@code pagetable}. */
    @AttributeDefinition(name = "Page table", description = "auto, a provider's name or an LDAP filter")
    String pagetable() default RegionOptions.AUTO;

    /** Property {@code strategy}. */
    @AttributeDefinition(name = "Strategy", description = "auto, a provider's name or an LDAP filter")
    String strategy() default RegionOptions.AUTO;

    /** Property {@code store}. */
    @AttributeDefinition(name = "Store", description = "auto, a provider's name or an LDAP filter")
    String store() default RegionOptions.AUTO;
}
