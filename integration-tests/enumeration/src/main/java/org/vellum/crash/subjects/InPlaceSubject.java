// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.ArrayList;
import java.util.List;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.medium.PersistPoint;

/**
 * Undo in place: the native half with its handlers, which write the pre-image before the first store to a page goes on,
 * on the simulated persistent memory; the recovery of {@code store-image} on what a crash leaves of that.
 */
final class InPlaceSubject implements Subject {
    private static final long FIRST_EPOCH = 1;

    @Override
    public String name() {
        return "in place, undo";
    }

    @Override
    public List<String> persistPoints() {
        List<String> points = new ArrayList<>(InPlaceRun.nativePoints(false));
        points.add(PersistPoint.PUT_BACK_PAGES.name());
        return points;
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    private static byte[] initialContent() {
        return new Changes().line(1, 1, 1).line(2, 63, 2).appliedTo(new byte[ImageSession.SIZE]);
    }

    @Override
    public CrashImage initial() {
        return imageThatWasInPlace();
    }

    /** So that all its files are there: names are not on the simulated medium. */
    static CrashImage imageThatWasInPlace() {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        try (ImageSession session = new ImageSession(medium, Layer.MAPPED, ImageSession.NAMES)) {
            session.create();
            session.commit(new Changes().line(1, 1, 1).line(2, 63, 2));
            session.beginAndEndInPlace();
            session.closeImage();
        }
        return medium.image();
    }

    @Override
    public void run(RecordingMedium medium) {
        try (InPlaceRun run = begin(medium)) {
            run.store(1, 1, 3);
            run.store(1, 63, 4);
            run.store(4, 0, 5);
            run.commit();
            // 3, 5, 3: the line is unchanged in memory at the commit, and may be 5 on the medium
            run.store(1, 1, 5);
            run.store(1, 1, 3);
            run.store(5, 7, 1);
            run.commit();
            run.store(2, 2, 9);
            run.store(1, 1, 9);
            run.rollback();
            run.store(2, 2, 7);
            run.commit();
            run.store(6, 0, 1);
            run.store(7, 0, 1);
        }
    }

    /** On the {@link #initial} image, and the oracle is told what that holds. */
    static InPlaceRun begin(RecordingMedium medium) {
        byte[] content = initialContent();
        medium.begun(FIRST_EPOCH, ImageSession.compared(ImageSession.ADDRESS, content));
        medium.acknowledged(FIRST_EPOCH);
        return new InPlaceRun(medium, content);
    }

    @Override
    public void recover(RecordingMedium medium) {
        recoverAndCommit(medium);
    }

    static void recoverAndCommit(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, Layer.MAPPED, ImageSession.NAMES)) {
            session.openExisting();
            session.recovered();
            session.commit(new Changes().line(5, (int) (session.epoch() % 64), 99));
            session.closeImage();
        }
    }
}
