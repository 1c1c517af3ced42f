// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.util.EnumSet;
import java.util.Set;

/**
 * The state of an open {@link Image}. The constants say what the device may hold; this is which function of
 * {@code Image} makes which transition.
 *
 * <pre>
 *   from                   function        to                 where it fails
 *   ────────────────────   ─────────────   ────────────────   ──────────────────────────────────────────────────
 *   nothing is open        open            LOGGED             nothing is open
 *   LOGGED                 persist         UNAPPLIED          LOGGED; whether the batch is there is the log's doubt
 *   UNAPPLIED              apply           LOGGED             UNAPPLIED
 *   LOGGED                 beginInPlace    IN_PLACE           LOGGED; BEGINNING, from the checkpoint's first byte on
 *   LOGGED                 depart          DEPARTED           LOGGED; DEPARTING, from the checkpoint's first byte on
 *   BEGINNING, DEPARTING   resolveDoubt    LOGGED             the same state
 *   IN_PLACE, ENDING       endInPlace      LOGGED             ENDING
 *   every open state       close           CLOSED_UNWRITTEN   —
 *   CLOSED_UNWRITTEN       close           CLOSED_WRITTEN     CLOSED_UNWRITTEN: the next open recovers the rest
 * </pre>
 *
 * <p>{@code resolveDoubt} is the beginning of {@code persist}, {@code forgetFailedBatch}, {@code beginInPlace} and
 * {@code depart}. {@code close} goes on to CLOSED_WRITTEN from LOGGED, BEGINNING, ENDING and DEPARTED; it does not from
 *
 * <ul>
 *   <li>UNAPPLIED, because a checkpoint would say that an epoch is at home which the committed view does not hold,
 *   <li>IN_PLACE, because only {@code endInPlace} says that all of the home image is committed,
 *   <li>DEPARTING, because the other image may be open already.
 * </ul>
 *
 * <p>What must stay true: while the device may say that the image is written in place, nothing is appended to the log;
 * while it may say that it is not, nothing is stored in place; while it may say that the region has departed, nothing
 * is written but the checkpoint that says it has not.
 */
enum ImageState {
    /** The log and the committed view hold the same last epoch, and batches are accepted. The device says IN_USE. */
    LOGGED,
    /**
     * The log's last epoch is durable and the committed view does not hold it. No batch is accepted. The device says
     * IN_USE.
     */
    UNAPPLIED,
    /** As LOGGED, but a checkpoint failed: the device may say IN_PLACE. Nothing was stored in place. */
    BEGINNING,
    /** The native core writes the home image, and commits by the undo file's epoch word. The device says IN_PLACE. */
    IN_PLACE,
    /**
     * The home image holds its last committed epoch and nothing else, but a checkpoint failed: the device may say
     * IN_USE.
     */
    ENDING,
    /** As LOGGED, but a checkpoint failed: the device may say DEPARTED. */
    DEPARTING,
    /** The image at the destination is the region's. The device says DEPARTED. */
    DEPARTED,
    /** Closed; the home image need not hold the last epoch. */
    CLOSED_UNWRITTEN,
    /** Closed; the home image holds the last epoch, durably. */
    CLOSED_WRITTEN;

    private static final Set<ImageState> CLOSED = EnumSet.of(CLOSED_UNWRITTEN, CLOSED_WRITTEN);

    boolean isOpen() {
        return !CLOSED.contains(this);
    }

    /** Whether the home image is the native core's, or was and is not known to be the log's again. */
    boolean isInPlace() {
        return this == IN_PLACE || this == ENDING;
    }

    /** Whether a checkpoint failed that would have ended the use of the log, so that the device may say either. */
    boolean isInDoubt() {
        return this == BEGINNING || this == DEPARTING;
    }

    /** Whether the table has a transition. */
    boolean mayBecome(ImageState next) {
        return next == CLOSED_UNWRITTEN ? isOpen() : successors().contains(next);
    }

    private Set<ImageState> successors() {
        return switch (this) {
            case LOGGED -> EnumSet.of(UNAPPLIED, BEGINNING, DEPARTING);
            case UNAPPLIED -> EnumSet.of(LOGGED);
            case BEGINNING -> EnumSet.of(LOGGED, IN_PLACE);
            case IN_PLACE -> EnumSet.of(ENDING);
            case ENDING -> EnumSet.of(LOGGED);
            case DEPARTING -> EnumSet.of(LOGGED, DEPARTED);
            case CLOSED_UNWRITTEN -> EnumSet.of(CLOSED_WRITTEN);
            case DEPARTED, CLOSED_WRITTEN -> EnumSet.noneOf(ImageState.class);
        };
    }
}
