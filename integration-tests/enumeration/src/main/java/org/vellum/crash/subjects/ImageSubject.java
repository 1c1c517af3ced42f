// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.CrashImage.WithoutMeaning;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;
import org.vellum.store.image.medium.PersistPoint;

/** The image code of {@code store-image} under one workload: redo, which is what both strategies do on every store. */
record ImageSubject(Layer layer, Workload workload) implements Subject {
    /** The points of {@link RepairSubject}, {@link RepairedCopySubject}, {@link InPlaceSubject} and {@link MoveSubject}. */
    private static final Set<PersistPoint> ELSEWHERE = EnumSet.of(
            PersistPoint.REPAIRED_NAME,
            PersistPoint.REPLACEMENT_MARK,
            PersistPoint.REPLACEMENT_NAME,
            PersistPoint.REPLACED_NAMES,
            PersistPoint.PUT_BACK_PAGES,
            PersistPoint.WHEREABOUTS,
            PersistPoint.ARRIVED_IMAGE,
            PersistPoint.ARRIVED_NAMES,
            PersistPoint.DEPARTED_ORIGIN);

    private static final Set<PersistPoint> IN_PLACE = EnumSet.of(PersistPoint.UNDO_HEADER, PersistPoint.UNDO_NAME);
    /** The holder's sector: process and time, for people. */
    static final List<WithoutMeaning> HOLDER = List.of(new WithoutMeaning(".vellum", 12288, 512));

    @Override
    public String name() {
        return (layer + ", " + workload).toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    @Override
    public List<String> persistPoints() {
        return Arrays.stream(PersistPoint.values())
                .filter(point -> !ELSEWHERE.contains(point))
                .filter(point -> layer == Layer.MAPPED || !IN_PLACE.contains(point))
                .map(PersistPoint::name)
                .toList();
    }

    @Override
    public List<WithoutMeaning> withoutMeaning() {
        return HOLDER;
    }

    @Override
    public CrashImage initial() {
        return workload.initial(layer);
    }

    @Override
    public void run(RecordingMedium medium) throws Exception {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            workload.run(session);
        }
    }

    /** And goes on: what the recovery dropped must not come back behind what is committed next. */
    @Override
    public void recover(RecordingMedium medium) throws Exception {
        try (ImageSession session = new ImageSession(medium, layer, ImageSession.NAMES)) {
            session.open();
            session.recovered();
            session.commit(new Changes().line(5, (int) (session.epoch() % 64), 99));
            session.closeImage();
        }
    }
}
