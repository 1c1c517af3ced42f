// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

/** {@code struct vellum_recorded_event}; what was stored follows it. */
public final class RecordedEventLayout {
    public static final StructLayout LAYOUT = new StructLayout("vellum_recorded_event");
    /** With what follows. */
    public static final int SIZE = LAYOUT.int32("size");

    public static final int KIND = LAYOUT.int16("kind");
    public static final int POINT = LAYOUT.int16("point");
    public static final int MEDIUM = LAYOUT.int32("medium");

    static {
        LAYOUT.int32("zero");
    }

    public static final int THREAD = LAYOUT.int64("thread");
    public static final int OFFSET = LAYOUT.int64("offset");
    public static final int LENGTH = LAYOUT.int64("length");

    private RecordedEventLayout() {}
}
