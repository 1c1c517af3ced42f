/** The application {@code verify}: what an image that no region uses holds, and a repaired copy of it. */
package org.vellum.verify;
