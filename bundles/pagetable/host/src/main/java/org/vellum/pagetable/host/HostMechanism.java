// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.host;

import org.vellum.api.provider.Diagnosis.Finding;

import static org.vellum.api.provider.Quantity.nanoseconds;

/** The ways this page table has; mirrors {@code enum host_mechanism}, in its order. docs/host-page-table.md has them. */
enum HostMechanism {
    ASYNCHRONOUS("asynchronous userfaultfd", "dirty-bit", "the first store to a page", "PAGEMAP_SCAN finding it"),
    SYNCHRONOUS("synchronous userfaultfd", "write-protect", "opening a page, without the signal", "closing it"),
    MAPPING("mprotect", "write-protect on older kernels", "opening a page, without the signal", "closing it");

    private final String subject;
    private final String use;
    private final String opening;
    private final String closing;

    HostMechanism(String subject, String use, String opening, String closing) {
        this.subject = subject;
        this.use = use;
        this.opening = opening;
        this.closing = closing;
    }

    /** @param open and {@code close}: nanoseconds a page, as {@code struct host_page_times} */
    Finding works(long open, long close) {
        return Finding.works(
                subject,
                "for " + use + ": " + nanoseconds(open) + " " + opening + ", " + nanoseconds(close) + " " + closing);
    }

    Finding lacking(String sentence) {
        return Finding.lacking(subject, "for " + use + ": " + sentence);
    }
}
