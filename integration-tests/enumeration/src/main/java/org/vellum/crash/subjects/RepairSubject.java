package org.vellum.crash.subjects;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.vellum.api.RegionException;
import org.vellum.crash.enumeration.CommittedPrefix;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.Event;
import org.vellum.crash.enumeration.Expectation;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.ImageFiles;
import org.vellum.store.image.PersistPoint;
import org.vellum.store.image.RepairAccess;

/**
 * A repaired image takes the names of the damaged one. In between the region is refused, which counts as an epoch of its
 * own here; never may it open with anything but the one or the other, and never with the old one once that is done.
 */
record RepairSubject(Layer layer) implements Subject {
    private static final ImageFiles REPAIRED = new ImageFiles(Path.of("/regions"), "repaired");
    private static final long IN_BETWEEN = 0;
    private static final byte[] REFUSED = {};

    @Override
    public String name() {
        return layer.name().toLowerCase(Locale.ROOT) + ", repair";
    }

    @Override
    public List<String> persistPoints() {
        return List.of(PersistPoint.REPLACED_NAMES.name());
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    /** Two closed images: what was damaged is of no importance here. */
    @Override
    public CrashImage initial() {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        for (int i = 0; i < 2; i++) {
            try (ImageSession session =
                    new ImageSession(medium, layer, i == 0 ? ImageSession.NAMES : REPAIRED)) {
                session.create();
                for (int epoch = 1; epoch <= 1 + i; epoch++) {
                    session.commit(new Changes().line(i, epoch, epoch));
                }
                session.closeImage();
            }
        }
        return medium.image();
    }

    @Override
    public void run(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            byte[] old = new Changes().line(0, 1, 1).appliedTo(new byte[ImageSession.SIZE]);
            session.continueWith(1, ImageSession.ADDRESS, old);
            byte[] repaired = new Changes().line(1, 1, 1).line(1, 2, 2).appliedTo(new byte[ImageSession.SIZE]);
            medium.begun(2, ImageSession.compared(ImageSession.ADDRESS, repaired));
            medium.begun(IN_BETWEEN, REFUSED);
            RepairAccess.replace(ImageSession.CORE, session.files(), ImageSession.NAMES, REPAIRED);
            medium.acknowledged(2);
        }
    }

    @Override
    public Expectation expectation() {
        return new RefusalSettlesNothing(new CommittedPrefix());
    }

    /** Behind a refusal everything is possible that was before it: it wrote nothing, and nobody relies on it. */
    private record RefusalSettlesNothing(Expectation prefix) implements Expectation {
        @Override
        public void observe(Event.Marker marker) {
            if (!(marker instanceof Event.Recovered found && found.epoch() == IN_BETWEEN)) {
                prefix.observe(marker);
            }
        }

        @Override
        public String violation(long epoch, byte[] content) {
            return prefix.violation(epoch, content);
        }

        @Override
        public Expectation copy() {
            return new RefusalSettlesNothing(prefix.copy());
        }
    }

    @Override
    public void recover(RecordingMedium medium) throws Exception {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            try {
                session.openExisting();
            } catch (RegionException refused) {
                medium.recovered(IN_BETWEEN, REFUSED);
                return;
            }
            session.recovered();
            session.closeImage();
        }
    }
}
