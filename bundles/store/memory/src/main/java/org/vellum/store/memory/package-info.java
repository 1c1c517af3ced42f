/**
 * A simulated persistent memory: the store {@code memory}, and how tests record, cut and replace what is on it. Everything
 * is as with persistent memory but for this: what it holds is gone with the bundle.
 */
@org.jspecify.annotations.NullMarked
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.store.memory;
