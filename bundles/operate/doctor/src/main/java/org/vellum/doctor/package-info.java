/** Asks every bundle that has a diagnosis of this host, and prints the answers. Knows no provider. */
@org.jspecify.annotations.NullMarked
package org.vellum.doctor;
