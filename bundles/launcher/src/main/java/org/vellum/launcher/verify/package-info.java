/** The subcommand {@code verify}. */
package org.vellum.launcher.verify;
