// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

/**
 * Keeps the phase the region is in where it can be read after the process was killed: in a mapped file.
 *
 * <pre>
 *  0  1 + ordinal of the commit path's {@link Phase}; 0: the region is not being opened yet
 *  1  1 while the log is trimmed beside it, else 0
 *  2  a bit for each phase that the region passes through, by ordinal; 0: not known yet
 * 64  for each phase, about how long it takes: nanoseconds (8)
 * </pre>
 *
 * The first three bytes are for the parent. The durations are for the next process of this run, which aims with them.
 */
final class PhaseMarker implements PhaseObserver {
    private static final int SIZE = 4096;
    private static final int TRIMMING = 1;
    private static final int PHASES = 2;
    private static final int DURATIONS = 64;
    /** Before anything was measured. */
    private static final long FIRST_GUESS_NANOSECONDS = 200_000;

    private final ByteBuffer file;
    private final PhaseListener listener;
    private volatile Phase phase = Phase.STORE;
    private long phaseStarted;
    private long trimStarted;

    /** Is told of each entry, after the marker holds it, on the thread that does the phase's work. */
    @FunctionalInterface
    interface PhaseListener {
        void entered(Phase phase);
    }

    PhaseMarker(Path path, PhaseListener listener) throws IOException {
        this.listener = listener;
        try (FileChannel channel =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE).order(ByteOrder.nativeOrder());
        }
    }

    @Override
    public void entered(String region, Phase entered) {
        long now = System.nanoTime();
        if (entered == Phase.TRIM) {
            trimStarted = now;
            file.put(TRIMMING, (byte) 1);
        } else {
            // one thread at a time is on the commit path, and hands over with a lock
            learn(phase, now - phaseStarted);
            phase = entered;
            phaseStarted = now;
            file.put(0, (byte) (1 + entered.ordinal()));
        }
        listener.entered(entered);
    }

    @Override
    public void passesThrough(String region, Set<Phase> phases) {
        int bits = 0;
        for (Phase each : phases) {
            bits |= 1 << each.ordinal();
        }
        file.put(PHASES, (byte) bits);
    }

    @Override
    public void left(String region, Phase left) {
        if (left == Phase.TRIM) {
            learn(Phase.TRIM, System.nanoTime() - trimStarted);
            file.put(TRIMMING, (byte) 0);
        } else if (left == phase) {
            entered(region, Phase.STORE);
        }
    }

    /** A moving average, one eighth new. */
    private void learn(Phase measured, long nanoseconds) {
        if (measured != Phase.STORE) {
            int place = DURATIONS + measured.ordinal() * Long.BYTES;
            long known = file.getLong(place);
            file.putLong(place, known == 0 ? nanoseconds : known + (nanoseconds - known) / 8);
        }
    }

    /** About how long the phase takes, in nanoseconds. */
    long typicalDuration(Phase asked) {
        long known = file.getLong(DURATIONS + asked.ordinal() * Long.BYTES);
        return known == 0 ? FIRST_GUESS_NANOSECONDS : known;
    }
}
