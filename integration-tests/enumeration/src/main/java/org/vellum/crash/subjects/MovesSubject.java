// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.List;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;

/**
 * Moves of an open region between in place, with its undo, and a working image, with its redo; with stores before and
 * behind each, so that each commit has some that were made at the other place.
 */
final class MovesSubject implements Subject {
    @Override
    public String name() {
        return "moves between in place and a working image";
    }

    @Override
    public List<String> persistPoints() {
        return InPlaceRun.nativePoints(true);
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    @Override
    public CrashImage initial() {
        return InPlaceSubject.imageThatWasInPlace();
    }

    @Override
    public void run(RecordingMedium medium) {
        try (InPlaceRun run = InPlaceSubject.begin(medium)) {
            run.store(1, 1, 3);
            run.store(4, 0, 5);
            run.commit();
            run.store(1, 1, 4);
            run.store(5, 3, 2);
            run.moveToWorkingImage();
            run.store(1, 1, 9);
            run.store(6, 0, 4);
            run.commit();
            run.store(6, 1, 8);
            run.store(2, 2, 8);
            run.moveToHomeImage();
            run.store(2, 2, 9);
            run.store(7, 1, 1);
            run.commit();
            run.store(7, 1, 2);
            run.store(1, 63, 7);
            run.moveToWorkingImage();
            run.rollback();
            run.store(3, 3, 3);
            run.commit();
            run.store(3, 3, 4);
        }
    }

    @Override
    public void recover(RecordingMedium medium) {
        InPlaceSubject.recoverAndCommit(medium);
    }
}
