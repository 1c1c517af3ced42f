// SPDX-License-Identifier: Apache-2.0
/**
 * Images that no region uses: examined, and repaired into a new image. The examined image is never written. It depends
 * on {@code recovery}, {@code undo}, {@code creation} and what they depend on, and never on an open image.
 */
@org.osgi.annotation.bundle.Export(substitution = org.osgi.annotation.bundle.Export.Substitution.NOIMPORT)
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.image.offline;
