/** What the user sees: progress and colour on a terminal, plain lines on a pipe. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.launcher.console;
