/** Felix with the bundles of the distribution, in this JVM or in a child of it. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.launcher.framework;
