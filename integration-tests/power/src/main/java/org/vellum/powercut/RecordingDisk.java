// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/** The disk of {@code native/test/power/disk.c} while it runs, as a loop device, and its way to take marks and commands. */
final class RecordingDisk implements AutoCloseable {
    private static final long LONGEST_END_SECONDS = 120;

    private final Path point;
    private final Process process;
    private LoopDevice device;
    private FileChannel control;

    private RecordingDisk(Path point, Process process) {
        this.point = point;
        this.process = process;
    }

    /**
     * @param image what the disk holds; changed in place
     * @param durable a second copy of the same
     * @param events becomes the record
     */
    static RecordingDisk start(Path point, Path image, Path durable, Path events) throws IOException {
        Files.createDirectories(point);
        Process process = new ProcessBuilder(
                        Programs.disk().toString(),
                        point.toString(),
                        image.toString(),
                        durable.toString(),
                        events.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        RecordingDisk disk = new RecordingDisk(point, process);
        boolean complete = false;
        try {
            if (!"ready".equals(process.inputReader().readLine())) {
                throw new IOException("the recording disk does not start");
            }
            disk.control = FileChannel.open(disk.controlFile(), StandardOpenOption.WRITE);
            disk.device = LoopDevice.on(point.resolve("disk"), true);
            complete = true;
            return disk;
        } finally {
            if (!complete) {
                disk.close();
            }
        }
    }

    /** Takes a mark or a command with each write; other processes may write there, too. */
    Path controlFile() {
        return point.resolve("control");
    }

    String device() {
        return device.path();
    }

    void mark(String text) throws IOException {
        mark(control, text);
    }

    static void mark(FileChannel control, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        control.write(ByteBuffer.wrap(bytes, 0, Math.min(bytes.length, 500)), 0);
    }

    /** When everything that was mounted from it is unmounted; the record is complete behind this. */
    @Override
    public void close() throws IOException {
        if (device != null) {
            device.close();
        }
        if (control != null) {
            control.close();
        }
        process.getOutputStream().close();
        try {
            if (!process.waitFor(LONGEST_END_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("the recording disk does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            Kernel.umount2(point.toString(), Kernel.MNT_DETACH);
        } catch (LastErrorException e) {
            // it was never mounted
        }
        if (process.exitValue() != 0) {
            throw new IOException("the recording disk ended with status " + process.exitValue());
        }
    }
}
