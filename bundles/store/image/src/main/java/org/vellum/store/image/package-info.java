// SPDX-License-Identifier: Apache-2.0
/**
 * What a store does with the images of its regions ({@link org.vellum.store.image.Images}): opens them, receives them
 * from another store, looks for them. An open image and its state stand here, put together from the packages below; it
 * may depend on every one of them, and none of them depends on it.
 */
@org.osgi.annotation.bundle.Export(substitution = org.osgi.annotation.bundle.Export.Substitution.NOIMPORT)
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.image;
