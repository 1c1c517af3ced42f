/**
 * The on-store format and all code for it: home image, log, recovery, trim. For stores, which are thin: they say where
 * the files are and what durable means there ({@link org.vellum.store.image.StoreFiles}), and open an {@link
 * org.vellum.store.image.Image} over them.
 */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.image;
