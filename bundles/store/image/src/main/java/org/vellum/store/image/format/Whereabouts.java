// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.vellum.api.provider.Place;

/**
 * Where the other image of a move is: of a departed one, the region's; of one that has arrived, its origin. Behind the
 * holder, in that one's block: lines of text, their length before them and a checksum behind. Written and made durable
 * before a checkpoint relies on it.
 *
 * <pre>
 *    0  length of the text, 4      4  text, UTF-8, seven lines: store, folder or nothing, process, its start,
 *                                     boot of the kernel, namespace of process numbers, host
 *    …  CRC-32C of all before
 * </pre>
 *
 * @param process that made the move; where there is no folder, the image was in its memory
 */
public record Whereabouts(Place place, ProcessIdentity process) {
    public static final long OFFSET = Holder.OFFSET + Sector.SIZE;
    public static final int SIZE = 4096 - Sector.SIZE;

    private static final int TEXT_AT = 4;
    private static final int LINES = 7;

    /**
     * Tells a process from all others, as far as that can be. Numbers are used again, so its start counts too; they
     * mean something in their namespace only, and the start since the kernel's boot.
     *
     * @param start clock ticks between the kernel's boot and its own start, {@code proc_pid_stat(5)}
     * @param boot {@code /proc/sys/kernel/random/boot_id}
     * @param namespace {@code /proc/self/ns/pid}
     */
    public record ProcessIdentity(long number, long start, String boot, String namespace, String host) {}

    /** Whether the text fits into its room. */
    public boolean hasRoom() {
        return text().length <= SIZE - TEXT_AT - Integer.BYTES;
    }

    private byte[] text() {
        return String.join(
                        "\n",
                        place.store(),
                        place.folder().map(Path::toString).orElse(""),
                        Long.toString(process.number()),
                        Long.toString(process.start()),
                        process.boot(),
                        process.namespace(),
                        process.host())
                .getBytes(StandardCharsets.UTF_8);
    }

    @SuppressWarnings("ByteBufferBackingArray") // it wraps the whole of an array
    public byte[] encode() {
        byte[] text = text();
        ByteBuffer block = Sector.wrap(new byte[SIZE]).putInt(0, text.length).put(TEXT_AT, text);
        return block.putInt(TEXT_AT + text.length, checksum(block, TEXT_AT + text.length))
                .array();
    }

    public static Whereabouts decode(byte[] bytes) throws Sector.Malformed {
        ByteBuffer block = Sector.wrap(bytes);
        int length = block.getInt(0);
        if (length < 0
                || length > SIZE - TEXT_AT - Integer.BYTES
                || block.getInt(TEXT_AT + length) != checksum(block, TEXT_AT + length)) {
            throw new Sector.Malformed("what it says about where the region is does not fit its checksum");
        }
        String[] lines = new String(Arrays.copyOfRange(bytes, TEXT_AT, TEXT_AT + length), StandardCharsets.UTF_8)
                .split("\n", -1);
        try {
            if (lines.length != LINES) {
                throw new IllegalArgumentException(lines.length + " lines instead of " + LINES);
            }
            Optional<Path> folder = lines[1].isEmpty() ? Optional.empty() : Optional.of(Path.of(lines[1]));
            return new Whereabouts(
                    new Place(lines[0], folder),
                    new ProcessIdentity(
                            Long.parseLong(lines[2]), Long.parseLong(lines[3]), lines[4], lines[5], lines[6]));
        } catch (RuntimeException e) {
            throw new Sector.Malformed("what it says about where the region is makes no sense: " + e.getMessage());
        }
    }

    private static int checksum(ByteBuffer block, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(block.slice(0, length));
        return (int) checksum.getValue();
    }

    /** For a sentence. */
    @Override
    public String toString() {
        return place.folder().isPresent()
                ? place.toString()
                : "the memory of process " + process.number() + " on " + process.host();
    }
}
