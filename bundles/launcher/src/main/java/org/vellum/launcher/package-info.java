/** The command line's entry. */
package org.vellum.launcher;
