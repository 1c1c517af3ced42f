// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.Random;
import org.vellum.api.RegionException;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.store.image.medium.PersistPoint;

/** What is done to an image before it is crashed; each shows what the others do not. */
enum Workload {
    /** Created, committed to, closed, opened again. */
    COMMITS {
        @Override
        void run(ImageSession session) {
            Random random = new Random(11);
            session.create();
            session.commit(Changes.random(random, 1, PAGES));
            session.commit(Changes.random(random, 9, PAGES));
            session.commit(new Changes().line(3, 0, 5));
            session.commit(new Changes().line(3, 0, 3));
            session.closeImage();
            session.open();
            session.commit(Changes.random(random, 4, PAGES));
            session.commit(Changes.random(random, 12, 2));
            session.closeImage();
        }
    },
    /** Full segments, trimmed behind the commits in every order that two threads can have. */
    TRIM {
        @Override
        void run(ImageSession session) {
            Random random = new Random(12);
            session.create();
            int commits = 0;
            for (int[] order : new int[][] {{0, 0}, {2, 1}, {9, 0}, {0, 9}, {3, 3}, {1, 4}}) {
                // two fill a segment; the first of each pair but the first goes over to the other
                session.commit(Changes.random(random, 24, 3), order[0], order[1]);
                session.commit(Changes.random(random, 24, 2));
                commits += 2;
            }
            if (session.epoch() != commits) {
                throw new IllegalStateException("epoch " + session.epoch() + " behind " + commits + " commits");
            }
            session.closeImage();
        }
    },
    /** Batches larger than a segment. */
    GROWTH {
        @Override
        void run(ImageSession session) {
            Random random = new Random(13);
            session.create();
            session.commit(Changes.random(random, 3, PAGES));
            session.commit(new Changes().page(1, 1).line(2, 5, 1), 0, 2);
            session.commit(Changes.random(random, 3, PAGES));
            session.commit(new Changes().page(1, 2).page(4, 2), 4, 0);
            session.commit(Changes.random(random, 3, PAGES));
            session.closeImage();
            session.open();
            session.commit(new Changes().page(6, 3), 0, 0);
            session.closeImage();
        }
    },
    /**
     * The medium loses one slot of the checkpoint at the moment at which the log that it made free is in use again: the
     * other slot must say the same.
     */
    DAMAGED_SLOT_0 {
        @Override
        void run(ImageSession session) {
            damaged(session, 0);
        }
    },
    DAMAGED_SLOT_1 {
        @Override
        void run(ImageSession session) {
            damaged(session, 1);
        }
    },
    /** Commits that fail, rolled back or carried. */
    ROLLBACK {
        @Override
        void run(ImageSession session) {
            Random random = new Random(14);
            session.create();
            session.commit(Changes.random(random, 3, PAGES));
            session.faults.failSync(PersistPoint.BATCH, 1);
            session.commitFails(Changes.random(random, 9, PAGES));
            session.rollback();
            session.commit(Changes.random(random, 2, PAGES));
            session.faults.failWrite();
            session.commitFails(Changes.random(random, 9, PAGES));
            session.commit(Changes.random(random, 2, PAGES));
            session.faults.failSync(PersistPoint.BATCH, 1);
            session.faults.failSync(PersistPoint.INVALIDATED_BATCH, 1);
            session.commitFails(Changes.random(random, 5, PAGES));
            session.commit(Changes.random(random, 2, PAGES));
            session.faults.failSync(PersistPoint.BATCH, 1);
            session.faults.failSync(PersistPoint.INVALIDATED_BATCH, 1);
            session.commitFails(Changes.random(random, 5, PAGES));
            session.rollback();
            session.closeImage();
            session.open();
            session.commit(Changes.random(random, 3, PAGES));
            session.closeImage();
        }
    },
    /** Trims that fail and are tried again. */
    FAILED_TRIM {
        @Override
        void run(ImageSession session) {
            Random random = new Random(15);
            session.create();
            for (PersistPoint point : new PersistPoint[] {PersistPoint.HOME_PAGES, PersistPoint.CHECKPOINT}) {
                session.commit(Changes.random(random, 24, 3));
                session.commit(Changes.random(random, 24, 2));
                session.faults.failSync(point, 1);
                session.commit(Changes.random(random, 24, 2), 1, 1);
                session.awaitFailedTrim();
                session.commit(Changes.random(random, 24, 2));
                session.commit(Changes.random(random, 24, 2), 1, 1);
                session.commit(Changes.random(random, 24, 2));
            }
            session.closeImage();
        }
    },
    /** A growth that fails, rolled back and carried; nothing else of a mapped image's commit can fail. */
    FAILED_GROWTH {
        @Override
        void run(ImageSession session) {
            session.create();
            session.commit(new Changes().line(1, 1, 1));
            session.faults.failSync(PersistPoint.LOG_ZEROS, 1);
            session.commitFails(new Changes().page(1, 2).page(2, 2));
            session.rollback();
            session.commit(new Changes().line(2, 2, 3));
            session.faults.failSync(PersistPoint.LOG_ZEROS, 1);
            session.commitFails(new Changes().page(3, 4).page(4, 4));
            session.commit(new Changes().line(3, 3, 5));
            session.closeImage();
        }
    },
    /** Opened to be written in place, for the first time and once more, and logged again. */
    IN_PLACE_AND_BACK {
        @Override
        void run(ImageSession session) {
            session.create();
            session.commit(new Changes().line(1, 1, 1));
            session.beginAndEndInPlace();
            session.commit(new Changes().line(2, 2, 2));
            session.beginAndEndInPlace();
            session.closeImage();
        }
    },
    /** A creation that fails, and is tried again. */
    CREATION {
        @Override
        void run(ImageSession session) {
            session.beginNew();
            session.faults.failSync(PersistPoint.NEW_IMAGE, 1);
            openFails(session);
            session.faults.failSync(PersistPoint.OPENED_NAMES, 1);
            openFails(session);
            session.open();
            session.recordAddress();
            session.commit(new Changes().line(1, 1, 1));
            session.closeImage();
        }
    },
    /** An image of format version 1, left by a killed process, is opened and so becomes one of this version. */
    UPGRADE {
        @Override
        CrashImage initial(Layer layer) {
            return VersionOneImage.on(layer.kind());
        }

        @Override
        void run(ImageSession session) {
            session.continueWith(VersionOneImage.EPOCH, VersionOneImage.ADDRESS, VersionOneImage.content());
            session.open();
            session.commit(new Changes().line(1, 1, 1));
            session.closeImage();
        }
    };

    private static final int PAGES = ImageSession.PAGES;

    CrashImage initial(Layer layer) {
        return CrashImage.EMPTY;
    }

    /** A copy into memory does not fail, nor does a fence; files are not written in place. */
    boolean canBeOn(Layer layer) {
        return layer == Layer.FILES ? this != IN_PLACE_AND_BACK : this != ROLLBACK && this != FAILED_TRIM;
    }

    abstract void run(ImageSession session);

    private static void damaged(ImageSession session, int slot) {
        Random random = new Random(16);
        session.create();
        for (int i = 0; i < 4; i++) {
            session.commit(Changes.random(random, 24, 2));
        }
        session.commitBeforeDamageAndKill(Changes.random(random, 24, 2), slot);
    }

    private static void openFails(ImageSession session) {
        try {
            session.open();
        } catch (RegionException expected) {
            return;
        }
        throw new IllegalStateException("a creation was to fail, and did not");
    }
}
