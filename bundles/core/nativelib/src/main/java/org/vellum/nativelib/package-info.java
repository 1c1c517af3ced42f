/** The native core and how bundles load native code. For providers and the runtime, not for applications. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("2.0.0")
package org.vellum.nativelib;
