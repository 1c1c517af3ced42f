// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

/** What the VMM counts of threads that go into guest mode and come out of it: the proof of where something ran. */
interface GuestMode {
    /** Entries so far, of all threads. */
    long entries();

    /** Leaves so far, of all threads, for any reason. */
    long leaves();
}
