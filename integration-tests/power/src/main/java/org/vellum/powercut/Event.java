// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

/**
 * Something the recording disk saw; its kinds are those of {@code native/test/power/disk.c}.
 *
 * @param number of the write or flush, in order of arrival
 * @param offset bytes from the disk's beginning
 * @param length of a write or of zeros
 * @param bytes of a write, or of the text of a mark; else empty
 */
record Event(char kind, int number, long offset, long length, byte[] bytes) {
    static final char WRITE = 'W';
    static final char ZEROS = 'Z';
    static final char DONE = 'D';
    static final char FLUSH_BEGUN = 'f';
    static final char FLUSHED = 'F';
    static final char LOST = 'L';
    static final char FAULT = 'X';
    static final char MARK = 'M';

    boolean isMark() {
        return kind == MARK;
    }

    boolean isWrite() {
        return kind == WRITE || kind == ZEROS;
    }

    String text() {
        return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    }

    /** For people. */
    @Override
    public String toString() {
        return switch (kind) {
            case WRITE -> "write " + number + ": " + length + " bytes at " + offset;
            case ZEROS -> "zeros " + number + ": " + length + " bytes at " + offset;
            case DONE -> "write " + number + " is done";
            case FLUSH_BEGUN -> "flush " + number + " arrives";
            case FLUSHED -> "flush " + number + " is done";
            case LOST -> "flush " + number + " has failed, and what it should have covered is lost";
            case FAULT -> "a request failed: " + text();
            default -> "mark: " + text();
        };
    }
}
