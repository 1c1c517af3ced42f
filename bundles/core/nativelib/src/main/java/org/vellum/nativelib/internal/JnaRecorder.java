// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.Persistence;
import org.vellum.nativelib.Recorder;
import org.vellum.nativelib.layout.RecordedEventLayout;

/** A {@code struct vellum_recorder}, with the memory of its events. */
final class JnaRecorder extends JnaPersistence implements Recorder {
    private static final int HEADER = RecordedEventLayout.LAYOUT.size();

    private static final Kind[] KINDS = Kind.values();

    private final long recorder;
    private final Memory buffer;
    /** Where {@link #take} has the events moved to. Guarded by this, like {@link #closed}. */
    private final Memory taken;

    private boolean closed;

    private JnaRecorder(long recorder, Memory buffer, Memory taken) {
        super(PersistenceLibrary.vellum_recorder_persistence(recorder));
        this.recorder = recorder;
        this.buffer = buffer;
        this.taken = taken;
    }

    static JnaRecorder create(Persistence recorded, long capacity) {
        Memory buffer = new Memory(capacity);
        long[] recorder = new long[1];
        int result = PersistenceLibrary.vellum_recorder_create(
                recorded.address(), Pointer.nativeValue(buffer), capacity, recorder);
        if (result != 0) {
            throw new IllegalStateException("no memory for a recorder: " + Errno.describe(result));
        }
        return new JnaRecorder(recorder[0], buffer, new Memory(capacity));
    }

    @Override
    public void watch(long start, long length, int medium, long offset) {
        int result = PersistenceLibrary.vellum_recorder_watch(recorder, start, length, medium, offset);
        if (result != 0) {
            throw new IllegalStateException("the recorder cannot watch one more range: all that it has are in use");
        }
    }

    @Override
    public void unwatch(long start) {
        int result = PersistenceLibrary.vellum_recorder_unwatch(recorder, start);
        if (result != 0) {
            throw new IllegalArgumentException("the recorder watches no range at 0x" + Long.toHexString(start));
        }
    }

    @Override
    public void leaveOut(int point) {
        PersistenceLibrary.vellum_recorder_leave_out(recorder, point);
    }

    @Override
    public void applicationStore(long address, byte[] bytes) {
        int result = PersistenceLibrary.vellum_recorder_application_store(recorder, address, bytes, bytes.length);
        if (result != 0) {
            throw new IllegalStateException("too many threads store through the recorder: " + Errno.describe(result));
        }
    }

    @Override
    public void acknowledge(long epoch) {
        PersistenceLibrary.vellum_recorder_acknowledge(recorder, epoch);
    }

    @Override
    public synchronized List<Event> take() {
        if (closed) {
            throw new IllegalStateException("the recorder was closed");
        }
        long length = PersistenceLibrary.vellum_recorder_take(recorder, Pointer.nativeValue(taken));
        if (length == -Errno.ENOSPC) {
            throw new IllegalStateException("the record is incomplete: its buffer of " + buffer.size()
                    + " bytes was full; take it more often, or give it a larger one");
        }
        if (length < 0) {
            throw new IllegalStateException(
                    "the record is incomplete: something outside of the watched ranges was stored"
                            + " or written back: " + Errno.describe((int) length));
        }
        List<Event> events = new ArrayList<>();
        for (long position = 0; position < length; ) {
            int size = taken.getInt(position + RecordedEventLayout.SIZE);
            events.add(event(taken.getByteBuffer(position, size).order(ByteOrder.nativeOrder())));
            position += size;
        }
        return events;
    }

    private static Event event(ByteBuffer record) {
        Kind kind = KINDS[record.getShort(RecordedEventLayout.KIND) - 1];
        long length = record.getLong(RecordedEventLayout.LENGTH);
        byte[] bytes = new byte[record.limit() == HEADER ? 0 : (int) length];
        record.get(HEADER, bytes);
        return new Event(
                kind,
                record.getShort(RecordedEventLayout.POINT),
                record.getInt(RecordedEventLayout.MEDIUM),
                record.getLong(RecordedEventLayout.THREAD),
                record.getLong(RecordedEventLayout.OFFSET),
                length,
                bytes);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            PersistenceLibrary.vellum_recorder_destroy(recorder);
            buffer.close();
            taken.close();
        }
    }
}
