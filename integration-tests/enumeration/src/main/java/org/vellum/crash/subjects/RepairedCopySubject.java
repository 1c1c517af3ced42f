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
 * A repaired image is written beside the damaged one. Once it is said to be repaired it is there, whole; and whatever a
 * crash leaves of it, the same command succeeds afterwards.
 */
record RepairedCopySubject(Layer layer) implements Subject {
    private static final ImageFiles REPAIRED = new ImageFiles(Path.of("/regions"), "repaired");
    private static final long NOT_THERE = 0;
    private static final byte[] NOTHING = {};

    @Override
    public String name() {
        return layer.name().toLowerCase(Locale.ROOT) + ", repair";
    }

    @Override
    public List<String> persistPoints() {
        return List.of(PersistPoint.REPAIRED_NAME.name());
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return ImageSubject.HOLDER;
    }

    /** Of a process that was killed: an epoch in the log, so that the copy is not just one of a file. */
    @Override
    public CrashImage initial() {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        CrashImage[] killed = new CrashImage[1];
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            session.create();
            session.commit(changes());
            killed[0] = medium.image();
        }
        return killed[0];
    }

    private static Changes changes() {
        return new Changes().line(1, 1, 1).line(2, 7, 7);
    }

    @Override
    public void run(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            medium.begun(NOT_THERE, NOTHING);
            repair(medium, session);
        }
    }

    private static void repair(RecordingMedium medium, ImageSession session) {
        byte[] content = changes().appliedTo(new byte[ImageSession.SIZE]);
        medium.begun(1, ImageSession.compared(ImageSession.ADDRESS, content));
        Repairs.write(ImageSession.CORE, session.files(), ImageSession.NAMES, REPAIRED);
        medium.acknowledged(1);
    }

    @Override
    public void recover(RecordingMedium medium) {
        boolean there = find(medium);
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            if (there) {
                return; // opened and closed since: no repair of this epoch any more
            }
            medium.recovered(NOT_THERE, NOTHING);
            medium.phase("repair again");
            repair(medium, session);
        }
        if (!find(medium)) {
            throw new IllegalStateException("repaired again, and not there");
        }
    }

    private boolean find(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, layer, REPAIRED)) {
            try {
                session.openExisting();
            } catch (InvalidRegionException missing) {
                return false;
            }
            session.recovered();
            session.closeImage();
            return true;
        }
    }
}
