package org.vellum.store.image;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.vellum.api.provider.Place;

/**
 * Where the other image of a move is: of a departed one, the region's; of one that has arrived, its origin. Behind the
 * holder, in that one's block: five lines of text, their length before them and a checksum behind. Written and made durable
 * before a checkpoint relies on it.
 *
 * <pre>
 *    0  length of the text, 4      4  text, UTF-8: store, folder or nothing, process, its start, host
 *    …  CRC-32C of all before
 * </pre>
 *
 * @param process that made the move; where there is no folder, the image was in its memory
 * @param started when that process began, milliseconds since 1970, or 0 where that is not known: numbers are used again
 */
record Whereabouts(Place place, long process, long started, String host) {
    static final long OFFSET = Holder.OFFSET + Sector.SIZE;
    static final int SIZE = 4096 - Sector.SIZE;

    private static final int TEXT_AT = 4;

    /** Of a place that this process knows. */
    static Whereabouts of(Place place) {
        ProcessHandle self = ProcessHandle.current();
        return new Whereabouts(place, self.pid(), startOf(self), hostName());
    }

    private static long startOf(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            // A host whose own name does not resolve still has one; the text is for people.
            return "an unnamed host";
        }
    }

    /** Whether the image was in the memory of a process that has ended, so that there is none. */
    boolean isGone() {
        if (place.folder().isPresent() || !host.equals(hostName())) {
            return false;
        }
        return ProcessHandle.of(process)
                .filter(there -> started == 0 || startOf(there) == started)
                .isEmpty();
    }

    /** @throws IllegalArgumentException the folder's name is too long to be remembered */
    byte[] encode() {
        byte[] text = (place.store() + "\n" + place.folder().map(Path::toString).orElse("") + "\n" + process + "\n" + started
                        + "\n" + host)
                .getBytes(StandardCharsets.UTF_8);
        if (text.length > SIZE - TEXT_AT - Integer.BYTES) {
            throw new IllegalArgumentException("the name of " + place + " is too long to be recorded");
        }
        ByteBuffer block = Sector.wrap(new byte[SIZE]).putInt(0, text.length).put(TEXT_AT, text);
        return block.putInt(TEXT_AT + text.length, checksum(block, TEXT_AT + text.length)).array();
    }

    static Whereabouts decode(byte[] bytes) throws Sector.Malformed {
        ByteBuffer block = Sector.wrap(bytes);
        int length = block.getInt(0);
        if (length < 0 || length > SIZE - TEXT_AT - Integer.BYTES
                || block.getInt(TEXT_AT + length) != checksum(block, TEXT_AT + length)) {
            throw new Sector.Malformed("what it says about where the region is does not fit its checksum");
        }
        String[] lines =
                new String(Arrays.copyOfRange(bytes, TEXT_AT, TEXT_AT + length), StandardCharsets.UTF_8).split("\n", -1);
        try {
            Optional<Path> folder = lines[1].isEmpty() ? Optional.empty() : Optional.of(Path.of(lines[1]));
            return new Whereabouts(
                    new Place(lines[0], folder), Long.parseLong(lines[2]), Long.parseLong(lines[3]), lines[4]);
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
        return place.folder().isPresent() ? place.toString() : "the memory of process " + process + " on " + host;
    }
}
