// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.osgi.annotation.bundle.Requirement;

/**
 * A bundle with a type, or a package, that bears this needs regions. bnd writes it into the manifest; from there a resolver
 * (bnd's, Karaf's) goes on to the runtime and to a set of providers by which a region can be opened on every host: a VMM
 * backend, its page table, a strategy, a durable store.
 *
 * <p>The requirement is effective when a set of bundles is put together, and not when a framework resolves: there, bundles may be
 * absent for a while, and services tell of it.
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target({ElementType.TYPE, ElementType.PACKAGE})
@Requirement(
        namespace = RequireVellum.IMPLEMENTATION_NAMESPACE,
        name = RequireVellum.IMPLEMENTATION_NAME,
        version = RequireVellum.IMPLEMENTATION_VERSION,
        effective = "active")
public @interface RequireVellum {
    /** Namespace of the runtime's capability: that of the OSGi Compendium for implementations. */
    String IMPLEMENTATION_NAMESPACE = "osgi.implementation";

    /** Name of the runtime's capability. */
    String IMPLEMENTATION_NAME = "org.vellum";

    /** Version of what the runtime implements: this package, and the properties by which it is configured. */
    String IMPLEMENTATION_VERSION = "1.0.0";
}
