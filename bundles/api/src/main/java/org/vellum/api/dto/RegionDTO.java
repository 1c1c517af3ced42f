// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.dto;

import org.osgi.dto.DTO;

/** A region at one moment; {@link org.vellum.api.RegionStatus} says what each number means. */
public class RegionDTO extends DTO {
    /** Its name. */
    public String name;
    /** A name of {@link org.vellum.api.RegionStatus.State}. */
    public String state;
    /** Bytes. */
    public long size;
    /** Virtual address of the first byte. */
    public long address;
    /** The last durable epoch. */
    public long epoch;
    /** The VMM backend's name. */
    public String vmm;
    /** The page table's name. */
    public String pageTable;
    /** The strategy's name. */
    public String strategy;
    /** The store's name. */
    public String store;
    /** Commits that wrote an epoch. */
    public long commits;
    /** Commits served by another thread's. */
    public long commitsShared;
    /** Rollbacks. */
    public long rollbacks;
    /** First stores that the fault path served. */
    public long storeFaults;
    /** Pages found stored to, added up. */
    public long dirtyPages;
    /** Bytes of changed lines, added up. */
    public long changedBytes;
    /** Bytes written to the log, added up. */
    public long loggedBytes;
    /** Bytes of the log now. */
    public long logSize;
    /** How long the last cut stopped the writers. */
    public long lastGateNanoseconds;
    /** Bytes of the working image's warm blocks. */
    public long workingBytes;
    /** Sentences an operator should know. */
    public String[] remarks;
    /** The store that its image is being moved to; null: it is not. */
    public String moveStore;
    /** Bytes of the image that are there. */
    public long moveCopiedBytes;
    /** Bytes of the image that is being moved. */
    public long moveTotalBytes;
    /** Its open and abandoned sections, a sentence each. */
    public String[] sections;
    /** The calls that wait, a sentence each. */
    public String[] waiting;
}
