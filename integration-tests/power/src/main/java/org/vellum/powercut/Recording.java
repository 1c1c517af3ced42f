// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** All that happened to a disk, and what was promised meanwhile. */
final class Recording {
    private static final int HEADER = 24;

    private final Path folder;
    private final Scenario scenario;
    private final List<Event> events;
    /** Behind as many events as the index says. */
    private final List<Promise> promises;

    private Recording(Path folder, Scenario scenario, List<Event> events, Promise first) {
        this.folder = folder;
        this.scenario = scenario;
        this.events = events;
        Promise.Reader reader = new Promise.Reader(first);
        promises = new ArrayList<>(events.size() + 1);
        promises.add(first);
        for (Event event : events) {
            promises.add(event.isMark() ? reader.after(event.text()) : promises.get(promises.size() - 1));
        }
    }

    static Recording load(Path folder) throws IOException {
        return load(folder, Scenario.load(folder.resolve("scenario.properties")), folder.resolve("events"));
    }

    static Recording load(Path folder, Scenario scenario, Path eventsFile) throws IOException {
        return new Recording(folder, scenario, read(eventsFile), scenario.first());
    }

    private static List<Event> read(Path file) throws IOException {
        List<Event> events = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 20))) {
            byte[] header = new byte[HEADER];
            while (in.readNBytes(header, 0, HEADER) == HEADER) {
                ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
                char kind = (char) fields.get(0);
                long length = fields.getLong(16);
                byte[] bytes = new byte[kind == Event.ZEROS ? 0 : Math.toIntExact(length)];
                in.readFully(bytes);
                events.add(new Event(kind, fields.getInt(4), fields.getLong(8), length, bytes));
            }
        }
        return events;
    }

    Path folder() {
        return folder;
    }

    /** What the disk held before the first event. */
    Path base() {
        return folder.resolve("base.img");
    }

    Scenario scenario() {
        return scenario;
    }

    List<Event> events() {
        return events;
    }

    Promise promised(int event) {
        return promises.get(event);
    }

    /** The number of the first event behind the first mark that begins so; or else the number of events. */
    int behind(String mark) {
        for (int i = 0; i < events.size(); i++) {
            if (events.get(i).isMark() && events.get(i).text().startsWith(mark)) {
                return i + 1;
            }
        }
        return events.size();
    }

    /**
     * Events before which the power may go, so that something differs: a write has arrived, a flush has ended or begins, or
     * something was said.
     */
    List<Integer> cutPoints() {
        List<Integer> points = new ArrayList<>();
        int end = behind("END");
        for (int i = behind("MOUNTED"); i <= end; i++) {
            Event before = events.get(i - 1);
            boolean said = before.isMark()
                    && (before.text().startsWith("ACK")
                            || before.text().startsWith("FOUND")
                            || before.text().startsWith("REP"));
            boolean flushIsNext = i < events.size() && events.get(i).kind() == Event.FLUSHED;
            if (said || before.isWrite() || before.kind() == Event.LOST || flushIsNext || i == end) {
                points.add(i);
            }
        }
        return points;
    }

    long count(char kind) {
        return events.stream().filter(event -> event.kind() == kind).count();
    }

    long acknowledged() {
        return events.stream()
                .filter(event -> event.isMark() && event.text().startsWith("ACK"))
                .count();
    }
}
