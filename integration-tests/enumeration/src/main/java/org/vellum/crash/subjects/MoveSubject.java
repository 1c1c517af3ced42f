// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.vellum.api.InvalidRegionException;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;

/**
 * An image that goes to another folder, on a medium of the same kind or of another, and comes back, and moves that do not
 * come to their end. Whatever is left of it, exactly one of the two folders has the region, with what was committed last,
 * and the other one says no.
 *
 * @param here what the first folder is on
 * @param there what the other one is on
 */
record MoveSubject(Layer here, Layer there) implements Subject {
    private static final ImageFiles HERE = ImageSession.NAMES;
    private static final ImageFiles THERE = new ImageFiles(Path.of("/elsewhere"), HERE.region());

    @Override
    public String name() {
        return text(here) + ", move" + (here == there ? "" : " to " + text(there));
    }

    private static String text(Layer layer) {
        return layer.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public List<String> persistPoints() {
        return List.of(
                PersistPoint.WHEREABOUTS.name(),
                PersistPoint.ARRIVED_IMAGE.name(),
                PersistPoint.ARRIVED_NAMES.name(),
                PersistPoint.DEPARTED_ORIGIN.name());
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    /** Closed in order. */
    @Override
    public CrashImage initial() {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        try (ImageSession session = new ImageSession(medium, here, HERE)) {
            session.create();
            session.commit(first());
            session.closeImage();
        }
        return medium.image();
    }

    static Changes first() {
        return new Changes().line(1, 1, 1).line(2, 7, 7);
    }

    @Override
    public void run(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, here, HERE)) {
            session.continueWith(1, ImageSession.ADDRESS, first().appliedTo(new byte[ImageSession.SIZE]));
            session.open();
            session.moveTo(there, THERE); // nothing to be written home, and no whereabouts of a move before
            session.commit(new Changes().line(1, 1, 2));
            session.moveTo(here, HERE, new Changes().line(1, 2, 2));
            session.moveTo(there, THERE, new Changes().line(1, 3, 2), new Changes().line(2, 3, 2));
            session.commit(new Changes().line(3, 3, 3));
            if (there == Layer.FILES) { // a fence does not fail
                session.faults.failSync(PersistPoint.WHEREABOUTS, 1);
                session.moveFails(here, HERE, new Changes().line(4, 4, 4));
                session.commit(new Changes().line(4, 5, 5));
            }
            session.moveTo(here, HERE, new Changes().line(1, 6, 6));
            session.commit(new Changes().line(5, 7, 7));
            session.closeImage();
        }
    }

    @Override
    public void recover(RecordingMedium medium) {
        if (recover(medium, here, HERE)) {
            requireRefused(medium);
        } else if (!recover(medium, there, THERE)) {
            throw new IllegalStateException("the region is in neither folder");
        }
    }

    private static boolean recover(RecordingMedium medium, Layer layer, ImageFiles names) {
        try (ImageSession session = new ImageSession(medium, layer, names)) {
            try {
                session.openExisting();
            } catch (InvalidRegionException elsewhere) {
                return false;
            }
            session.recovered();
            session.commit(new Changes().line(5, (int) (session.epoch() % 64), 99));
            session.closeImage();
            return true;
        }
    }

    private void requireRefused(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, there, THERE)) {
            session.openExisting();
        } catch (InvalidRegionException elsewhere) {
            return;
        }
        throw new IllegalStateException("the region is in both folders");
    }
}
