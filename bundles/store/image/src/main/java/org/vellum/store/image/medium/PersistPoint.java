// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import org.vellum.nativelib.NativePersistence;

/**
 * The places in Java that make something durable: one constant for each call of {@link StoreFile#syncData} or {@link
 * StoreFiles#syncDirectory}, named by the call. Whoever stands in for the files can leave out, or fail, exactly one of
 * them, and tell whether anything notices.
 */
public enum PersistPoint {
    /** A batch behind its append; then its epoch is durable and acknowledged. */
    BATCH,
    /** Zeros over the header of a batch that failed; then something else may be accepted. */
    INVALIDATED_BATCH,
    /** The zeros of a new or growing log segment; then batches may be appended there with one data sync each. */
    LOG_ZEROS,
    /** The last batch that recovery found, written again; then its lines may go home. */
    LAST_BATCH,
    /** Pages and their checksums at home; then a checkpoint may say so. */
    HOME_PAGES,
    /** A checkpoint in its first slot; then the second slot, which holds the one before, may be overwritten. */
    CHECKPOINT,
    /**
     * A checkpoint in its second slot; then what it says may be relied on: the log before it is free, the log about to
     * be appended to is known to be in use, the region's address is known. If this were left out, only a damaged first
     * slot could tell.
     */
    CHECKPOINT_COPY,
    /** Header and allocation of a new home image; then it may get its name. */
    NEW_IMAGE,
    /** The name of the unfinished home image; then log segments may be made beside it. */
    UNFINISHED_NAME,
    /** The names of the log segments; then the home image may be renamed to its own. */
    SEGMENT_NAMES,
    /** The copy of an image of an older format version; then it may take the old one's name. */
    UPGRADED_IMAGE,
    /** Header and allocation of the undo file; then a checkpoint may say that the image is written in place. */
    UNDO_HEADER,
    /** The undo file's name; likewise. */
    UNDO_NAME,
    /** Pre-images back at home, in recovery; then a checkpoint may say that the undo file means nothing any more. */
    PUT_BACK_PAGES,
    /**
     * The names, at every open, be the image new, upgraded, or left by whoever was killed; then it may be relied on.
     */
    OPENED_NAMES,
    /** Where the region is about to go; then a checkpoint may say that it has departed. */
    WHEREABOUTS,
    /** All of an image that arrives; then it may get its name. */
    ARRIVED_IMAGE,
    /** The names of an image that arrives; then its origin may depart. */
    ARRIVED_NAMES,
    /**
     * What an origin says of its departure, which a killed process may have left in the cache; then it may be relied
     * on.
     */
    DEPARTED_ORIGIN,
    /** The name of a folder just made, in its parent. */
    FOLDER_NAME,
    /** The name of the innermost folder that was there; whoever made it may have been killed. */
    EXISTING_FOLDER_NAME,
    /**
     * The name of a repaired image; then it may be called repaired. An administrator's command, like the next three.
     */
    REPAIRED_NAME,
    /** What the mark of a replacement says; then it may get its name. */
    REPLACEMENT_MARK,
    /** That name; then the names of files may change. */
    REPLACEMENT_NAME,
    /**
     * The names that a repaired image took over; then the mark may go. And that it has gone; then it may be called
     * repaired.
     */
    REPLACED_NAMES,
    /** The names of the segments of a creation that failed, gone; then the mark that says so may go. */
    REMOVED_SEGMENT_NAMES;

    /** Its number among all calls, native ones included ({@code native/include/vellum/persistence.h}). */
    public int number() {
        return NativePersistence.POINTS_OF_STORES + ordinal();
    }
}
