// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Crashes a subject's workload behind every event, recovers every image that this may leave, and asks the expectation.
 *
 * <p>An image met before, by its content, is not recovered again, but what its recovery found is judged again: a later
 * cut demands more. Recoveries are crashed as well: each of their events is a cut, first with everything durable that the
 * crash left ({@link Limits#depth}), and then, for a process that was killed, with everything on its way that was on its
 * way ({@link Limits#killEvery}).
 *
 * <p>For one thread.
 */
public final class CrashEnumeration {
    private static final long PROGRESS_NANOSECONDS = 100_000_000;

    private final Subject subject;
    private final CrashImage initial;
    private final List<Event> workload;
    private final Set<String> points = new TreeSet<>();
    /** By content of the image. Nothing that a mutation leaves out changes what a recovery finds. */
    private final Map<Long, Outcome> outcomes = new HashMap<>();

    /** What recoveries found, each content once: there are far more images than contents. */
    private final Map<ByteBuffer, byte[]> contents = new HashMap<>();

    /** What the recovery of an image found, or what it threw. */
    private record Outcome(Event.Recovered found, Throwable thrown) {}

    /**
     * Runs the workload once.
     *
     * @throws IllegalStateException it failed by itself, or said nothing that can be compared
     */
    public CrashEnumeration(Subject subject) {
        this.subject = subject;
        initial = subject.initial();
        RecordingMedium medium = new RecordingMedium(initial);
        try {
            subject.run(medium);
        } catch (Exception e) {
            throw new IllegalStateException("the workload '" + subject.name() + "' failed without any crash", e);
        }
        workload = medium.events();
        points.addAll(medium.points());
        if (workload.stream().noneMatch(Event.Acknowledged.class::isInstance)) {
            throw new IllegalStateException("the workload '" + subject.name() + "' acknowledged nothing");
        }
    }

    /** What the workload did. */
    public List<Event> workload() {
        return workload;
    }

    /** What is enumerated. */
    public Subject subject() {
        return subject;
    }

    /** The persist points reached so far, by the workload and the recoveries that were crashed. */
    Set<String> points() {
        return points;
    }

    /** Enumerates. */
    public EnumerationReport run(Limits limits, ProgressListener progress) {
        return new Run(limits, progress, null).enumerate(0);
    }

    /** Enumerates with one persist point left out, wherever it is reached. */
    EnumerationReport runWithout(String point, Limits limits) {
        int first = 0;
        if (limits.depth() == 0 && limits.killEvery() == 0) {
            // no recovery is crashed, so nothing differs before
            while (first < workload.size() && !isPoint(workload.get(first), point)) {
                first++;
            }
        }
        return new Run(limits, ProgressListener.NONE, point).enumerate(first);
    }

    private byte[] known(byte[] content) {
        return contents.computeIfAbsent(ByteBuffer.wrap(content), unknown -> content);
    }

    private static boolean isPoint(Event event, String point) {
        return event instanceof Event.Persist persist && persist.point().equals(point);
    }

    private final class Run {
        private final Limits limits;
        private final ProgressListener progress;
        private final String omitted;
        private final long began = System.nanoTime();
        private final List<Violation> violations = new ArrayList<>();
        /** Crashes of the recoveries and the workload around what is being examined. */
        private final List<Violation.Crash> crashes = new ArrayList<>();

        private long cuts;
        private long images;
        private long distinct;
        private long kills;
        private long nestedCuts;
        private long nestedDistinct;
        private long reported;
        private boolean ended;
        private double share;

        Run(Limits limits, ProgressListener progress, String omitted) {
            this.limits = limits;
            this.progress = progress;
            this.omitted = omitted;
        }

        EnumerationReport enumerate(int from) {
            enumerate(workload, new MediumState(initial), subject.expectation(), from, 0, limits);
            progress.progress(ended ? share : 1, figures());
            return new EnumerationReport(
                    subject.name(), figures(), violations, !ended, Duration.ofNanos(System.nanoTime() - began));
        }

        private Figures figures() {
            return new Figures(
                    workload.size(), cuts, images, distinct, kills, nestedCuts, nestedDistinct, violations.size());
        }

        /** @param from the first event whose cut is of interest; those before it only happen */
        private void enumerate(
                List<Event> events, MediumState state, Expectation expectation, int from, int level, Limits extent) {
            boolean previousEnumerated = false;
            for (int i = 0; i < events.size() && !ended; i++) {
                Event event = events.get(i);
                if (omitted == null || !isPoint(event, omitted)) {
                    state.apply(event);
                }
                if (event instanceof Event.Marker marker) {
                    expectation.observe(marker);
                }
                if (i < from) {
                    continue;
                }
                if (level == 0) {
                    share = (double) i / events.size();
                    cuts++;
                } else {
                    nestedCuts++;
                }
                // these two allow more, and change no medium
                if (!(previousEnumerated && (event instanceof Event.Phase || event instanceof Event.Begun))) {
                    boolean onlyAdds = previousEnumerated
                            && !(event instanceof Event.Marker)
                            && !(event instanceof Event.Persist)
                            && !(event instanceof Event.SyncDataFailed)
                            && !(event instanceof Event.Damage);
                    cut(events, i + 1, state, expectation, level, extent, onlyAdds);
                    previousEnumerated = true;
                }
                if (level < Math.max(1, limits.depth()) && limits.killEvery() > 0 && i % limits.killEvery() == 0) {
                    kill(events, i + 1, state, expectation, level);
                }
            }
        }

        private void cut(
                List<Event> events,
                int cut,
                MediumState state,
                Expectation expectation,
                int level,
                Limits extent,
                boolean onlyFresh) {
            CutImages choices = new CutImages(state, extent, onlyFresh);
            choices.forEach(choice -> {
                CrashImage image = state.image(choices.cells, choice.versions(), choice.tear());
                examine(image, expectation, level, new CrashText(events, cut, choices, choice));
                return !ended;
            });
        }

        /** Described only when it is of interest. */
        private static final class CrashText {
            private final List<Event> events;
            private final int cut;
            private final CutImages choices;
            private final CutImages.Choice choice;

            CrashText(List<Event> events, int cut, CutImages choices, CutImages.Choice choice) {
                this.events = events;
                this.cut = cut;
                this.choices = choices;
                this.choice = choice;
            }

            Violation.Crash crash() {
                String text = choices == null
                        ? "the process was killed: what was on its way still is"
                        : choices.describe(choice);
                return new Violation.Crash(events, cut, text);
            }
        }

        private void examine(CrashImage image, Expectation expectation, int level, CrashText crash) {
            images++;
            tick();
            if (ended) {
                return;
            }
            long hash = image.hash(subject.withoutMeaning());
            Outcome outcome = outcomes.get(hash);
            boolean first = outcome == null;
            RecordingMedium medium = null;
            if (first) {
                medium = new RecordingMedium(image);
                outcome = recover(medium);
                outcomes.put(hash, outcome);
                distinct++;
                if (level > 0) {
                    nestedDistinct++;
                }
            }
            if (!judge(outcome, image, expectation, crash)) {
                return;
            }
            // a mutation may leave out what only this recovery does, so what was crashed before is crashed again
            boolean nest = level < limits.depth()
                    && (first ? distinct : images) % limits.nestedEvery() == 0
                    && (first || omitted != null);
            if (nest) {
                if (medium == null) {
                    medium = new RecordingMedium(image);
                    recover(medium);
                }
                points.addAll(medium.points());
                crashes.add(crash.crash());
                enumerate(medium.events(), new MediumState(image), expectation.copy(), 0, level + 1, limits.nested());
                crashes.remove(crashes.size() - 1);
            }
        }

        private boolean judge(Outcome outcome, CrashImage image, Expectation expectation, CrashText crash) {
            String sentence = outcome.thrown != null
                    ? "recovery failed"
                    : expectation.violation(outcome.found.epoch(), outcome.found.content());
            if (sentence == null) {
                return true;
            }
            List<Violation.Crash> all = new ArrayList<>(crashes);
            all.add(crash.crash());
            violations.add(new Violation(
                    subject.name(), limits.seed(), omitted, List.copyOf(all), sentence, outcome.thrown, image));
            ended |= violations.size() >= limits.violations();
            return false;
        }

        /** What the next process finds is everything; what the medium holds may still be less. */
        private void kill(List<Event> events, int cut, MediumState state, Expectation expectation, int level) {
            if (ended) {
                return;
            }
            RecordingMedium medium = new RecordingMedium(state.everything());
            if (recover(medium).thrown != null) {
                return; // the cut itself has this image too, and reports it
            }
            kills++;
            points.addAll(medium.points());
            crashes.add(new CrashText(events, cut, null, null).crash());
            enumerate(medium.events(), state.killed(), expectation.copy(), 0, level + 1, limits.nested());
            crashes.remove(crashes.size() - 1);
        }

        private Outcome recover(RecordingMedium medium) {
            try {
                subject.recover(medium);
            } catch (Exception | AssertionError e) {
                return new Outcome(null, e);
            }
            Event.Recovered found = null;
            for (Event event : medium.events()) {
                if (event instanceof Event.Recovered recovered) {
                    found = recovered;
                    break;
                }
            }
            return found != null
                    ? new Outcome(new Event.Recovered(found.epoch(), known(found.content())), null)
                    : new Outcome(null, new IllegalStateException("the recovery did not say what it found"));
        }

        private void tick() {
            long now = System.nanoTime();
            if (limits.time() != null && now - began > limits.time().toNanos()) {
                ended = true;
            }
            if (now - reported > PROGRESS_NANOSECONDS) {
                reported = now;
                progress.progress(share, figures());
            }
        }
    }
}
