// SPDX-License-Identifier: Apache-2.0
/**
 * What a store opens: an {@link org.vellum.store.image.Image} over the files of a region, or an {@link
 * org.vellum.store.image.ImageArrival} of one that comes from another store. It puts the parts together and keeps the state of
 * an open image. It may depend on every package below it; none of them depends on it.
 */
@org.osgi.annotation.bundle.Export(substitution = org.osgi.annotation.bundle.Export.Substitution.NOIMPORT)
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.image;
