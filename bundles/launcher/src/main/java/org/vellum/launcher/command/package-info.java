/** How a subcommand is written: the interface, the shared options and the exit statuses. */
package org.vellum.launcher.command;
