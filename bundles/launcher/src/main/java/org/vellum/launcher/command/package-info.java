/** How a subcommand is written: the interface, the shared options and the exit statuses. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.launcher.command;
