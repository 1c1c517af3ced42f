/** Asks every bundle that has a diagnosis of this host, and prints the answers. Knows no provider. */
package org.vellum.doctor;
