/** What the user sees: progress and colour on a terminal, plain lines on a pipe. */
package org.vellum.launcher.console;
