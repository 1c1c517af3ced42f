/** Vellum's commands for the Gogo shell, and the application that runs a list of commands without a terminal. */
package org.vellum.shell;
