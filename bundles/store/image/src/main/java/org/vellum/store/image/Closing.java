// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.text.MessageFormat;
import org.vellum.api.provider.Phase;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.medium.FileFailure;

/**
 * Closes an image: brings home what the log holds, where the image's last state allows that; else the log, or the undo
 * file, is left to the next open. Throws nothing on account of a file: what is not home is not lost.
 */
final class Closing {
    private static final Logger LOGGER = System.getLogger(Closing.class.getName());
    private static final String NOT_WRITTEN_BACK =
            "region ''{0}'': the home image could not be written back at close (nothing is lost, the next open"
                    + " replays the log): {1}";

    private final ImageParts parts;
    private final String region;

    Closing(ImageParts parts) {
        this.parts = parts;
        region = parts.names().region();
    }

    void warnOfLostFiles(String sentence) {
        LOGGER.log(Level.WARNING, "region ''{0}'' is closed without its files: {1}", region, sentence);
    }

    /**
     * With an idle trimmer.
     *
     * @param last the image's state before it was closed
     * @param pages that epochs of the log have changed and that are not at home
     * @return whether the home image holds the last durable epoch
     */
    boolean bringHome(ImageState last, PageSet pages) {
        return switch (last) {
            case ENDING, DEPARTED -> true; // it does already
            case LOGGED, BEGINNING -> writeBack(pages);
            case UNAPPLIED -> {
                LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, parts.notApplied());
                yield false;
            }
            case DEPARTING -> {
                LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, "whether it has departed is not known");
                yield false;
            }
            case IN_PLACE -> {
                LOGGER.log(
                        Level.WARNING,
                        "region ''{0}'': closed while it is written in place; the next open puts back what"
                                + " was not committed behind epoch {1}",
                        region,
                        parts.log().epoch());
                yield false;
            }
            case CLOSED_UNWRITTEN, CLOSED_WRITTEN -> throw new IllegalStateException("closed twice: " + last);
        };
    }

    private boolean writeBack(PageSet pages) {
        try {
            writeEverything(pages);
            return true;
        } catch (FileFailure e) {
            LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, e.getMessage() + "; " + e.wayOut());
        } catch (RuntimeException e) {
            LOGGER.log(Level.WARNING, MessageFormat.format(NOT_WRITTEN_BACK, region, e), e);
        }
        return false;
    }

    private void writeEverything(PageSet pages) throws FileFailure {
        parts.observer().entered(region, Phase.TRIM);
        try {
            parts.writeBack().run(pages, parts.log().epoch(), parts.log().generation() + 1, Checkpoint.State.CLOSED);
        } finally {
            parts.observer().left(region, Phase.TRIM);
        }
    }

    /** After a departure, and closed: files that go with the process would do nothing but take its memory. */
    void removeForgotten() {
        if (parts.files().outliveProcess()) {
            return;
        }
        try {
            parts.files().delete(parts.names().undo());
            parts.files().delete(parts.names().log(0));
            parts.files().delete(parts.names().log(1));
            parts.files().delete(parts.names().home());
        } catch (FileFailure e) {
            LOGGER.log(
                    Level.WARNING,
                    "region '" + region + "': the memory of its former image is not freed: " + e.getMessage());
        }
    }
}
