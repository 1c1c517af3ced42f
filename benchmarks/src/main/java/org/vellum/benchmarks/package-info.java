/**
 * Benchmarks of regions, each one question that {@code docs/performance.md} answers with figures. They run on a flat
 * class path: a framework adds nothing to a commit, and would add noise.
 */
package org.vellum.benchmarks;
