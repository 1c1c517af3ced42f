/** The command line: its entry, for whoever embeds or tests it. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.launcher;
