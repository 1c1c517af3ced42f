// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.List;
import java.util.Locale;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;

/**
 * An image that goes to the memory of its process and comes back, twice. A crash takes the process along: the region is
 * where it left then, with what was committed before, or with what it brought back, once it is there again.
 */
record MemoryMoveSubject(Layer layer) implements Subject {
    private static final ImageFiles HERE = ImageSession.NAMES;

    @Override
    public String name() {
        return layer.name().toLowerCase(Locale.ROOT) + ", move to memory";
    }

    @Override
    public List<String> persistPoints() {
        return List.of(
                PersistPoint.WHEREABOUTS.name(), PersistPoint.ARRIVED_IMAGE.name(), PersistPoint.ARRIVED_NAMES.name());
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    @Override
    public CrashImage initial() {
        return new MoveSubject(layer, layer).initial();
    }

    @Override
    public void run(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, layer, HERE)) {
            session.continueWith(1, ImageSession.ADDRESS, MoveSubject.first().appliedTo(new byte[ImageSession.SIZE]));
            session.open();
            session.moveToMemory();
            session.commitInMemory(new Changes().line(1, 1, 2));
            session.moveFromMemory();
            session.commit(new Changes().line(2, 2, 3));
            session.moveToMemory(); // what is here now are the whereabouts of a move before
            session.commitInMemory(new Changes().line(1, 1, 4).line(3, 3, 4));
            session.moveFromMemory();
            session.commit(new Changes().line(4, 4, 5));
            session.closeImage();
        }
    }

    @Override
    public void recover(RecordingMedium medium) throws FileFailure {
        try (ImageSession session = new ImageSession(medium, layer, HERE)) {
            // not as a write: a crash is to find all of it or nothing
            EndedProcess.whereabouts(ImageSession.CORE, session.files(), HERE)
                    .ifPresent(bytes ->
                            medium.open(HERE.home().toString()).damage(EndedProcess.whereaboutsOffset(), bytes));
            session.openExisting();
            session.recovered();
            session.commit(new Changes().line(5, (int) (session.epoch() % 64), 99));
            session.closeImage();
        }
    }
}
