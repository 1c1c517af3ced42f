// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;

/**
 * Who holds an image, for the error message of the next opener. Informational: the lock decides, and a holder that was
 * killed leaves its text behind.
 */
public record Holder(long process, String host, String since) {
    /** A block of its own in the header; one sector of text lines, zero-padded. */
    public static final long OFFSET = 12288;

    public static Holder self() {
        return new Holder(
                ProcessHandle.current().pid(),
                hostName(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            // A host whose own name does not resolve still has one; the text is for people.
            return "an unnamed host";
        }
    }

    public byte[] encode() {
        byte[] text = (process + "\n" + host + "\n" + since + "\n").getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(text, Sector.SIZE);
    }

    /** What a second opener is told. */
    public static String describe(byte[] sector) {
        String[] lines = new String(sector, StandardCharsets.UTF_8).split("\n");
        if (lines.length < 3 || !lines[0].matches("\\d{1,18}")) {
            return "another process that has not yet said who it is";
        }
        Holder holder = new Holder(Long.parseLong(lines[0]), lines[1], lines[2]);
        if (!holder.host.equals(hostName())) {
            return "process " + holder.process + " on " + holder.host + " since " + holder.since;
        }
        if (holder.process == ProcessHandle.current().pid()) {
            return "this process (" + holder.process + ") since " + holder.since;
        }
        if (ProcessHandle.of(holder.process).isEmpty()) {
            return "another process that is still opening it (process " + holder.process
                    + ", its last holder, has ended)";
        }
        return "process " + holder.process + " on this host since " + holder.since;
    }
}
