/**
 * The providers' side of Vellum: the four axes that a region is composed of, each a service that can be replaced.
 *
 * <p>The native half of each provider is a C structure of function pointers ({@code native/include/vellum/providers.h});
 * the Java service carries its name, says what it can do on this host, and hands out the structure's address.
 */
@org.jspecify.annotations.NullMarked
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.4.0")
package org.vellum.api.provider;
