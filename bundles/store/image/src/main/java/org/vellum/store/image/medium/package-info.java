// SPDX-License-Identifier: Apache-2.0
/**
 * The files of a region and every call on them. A store says here where files are and what durable means there ({@link
 * org.vellum.store.image.medium.StoreFiles}); a test that stands in for it sees every call that can matter after a
 * crash. It depends on no other package of this bundle.
 */
@org.osgi.annotation.bundle.Export(substitution = org.osgi.annotation.bundle.Export.Substitution.NOIMPORT)
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.image.medium;
