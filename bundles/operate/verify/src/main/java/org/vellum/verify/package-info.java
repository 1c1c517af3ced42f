/** The application {@code verify}: what an image that no region uses holds, and a repaired copy of it. */
@org.jspecify.annotations.NullMarked
package org.vellum.verify;
