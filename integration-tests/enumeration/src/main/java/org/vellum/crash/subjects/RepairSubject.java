// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.vellum.api.DamagedImageException;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;

/**
 * A repaired image takes the names of the damaged one. Whatever is left of it, who opens the region with a size, as
 * applications do, gets the one or the other and no new, empty one; or is refused, until the same command has ended what it
 * began. Never does it open with the old one once that is done.
 */
record RepairSubject(Layer layer) implements Subject {
    private static final ImageFiles REPAIRED = new ImageFiles(Path.of("/regions"), "repaired");

    @Override
    public String name() {
        return layer.name().toLowerCase(Locale.ROOT) + ", repair in place";
    }

    @Override
    public List<String> persistPoints() {
        return List.of(
                PersistPoint.REPLACEMENT_MARK.name(),
                PersistPoint.REPLACEMENT_NAME.name(),
                PersistPoint.REPLACED_NAMES.name());
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
            try (ImageSession session = new ImageSession(medium, layer, i == 0 ? ImageSession.NAMES : REPAIRED)) {
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
            Repairs.replace(ImageSession.CORE, session.files(), ImageSession.NAMES, REPAIRED);
            medium.acknowledged(2);
        }
    }

    @Override
    public void recover(RecordingMedium medium) {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            try {
                session.open();
            } catch (DamagedImageException refused) {
                medium.phase("finish");
                if (!Repairs.finishReplacement(ImageSession.CORE, session.files(), ImageSession.NAMES)) {
                    throw new IllegalStateException("refused, and nothing is there to be finished", refused);
                }
                session.open();
            }
            session.recovered();
            session.commit(new Changes().line(5, (int) (session.epoch() % 64), 99));
            session.closeImage();
        }
    }
}
