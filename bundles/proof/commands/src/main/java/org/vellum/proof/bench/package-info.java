/** {@code vellum bench}: starts the benchmarks. */
package org.vellum.proof.bench;
