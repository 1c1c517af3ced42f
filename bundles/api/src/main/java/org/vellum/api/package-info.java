/**
 * The application's side of Vellum: open a region, store into it, commit.
 *
 * <p>Providers (VMM, page table, strategy, store) implement {@code org.vellum.api.provider}; applications need
 * only this package.
 */
@org.jspecify.annotations.NullMarked
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.3.0")
package org.vellum.api;
