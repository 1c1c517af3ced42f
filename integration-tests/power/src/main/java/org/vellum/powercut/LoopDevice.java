// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.file.Path;

/** A loop device on a file. The kernel takes it away when it is closed and nothing is mounted from it any more. */
final class LoopDevice implements AutoCloseable {
    /* linux/loop.h */
    private static final int LOOP_CTL_GET_FREE = 0x4C82;
    private static final int LOOP_CONFIGURE = 0x4C0A;
    private static final int CONFIG_SIZE = 304;
    private static final int CONFIG_FLAGS = 60;
    private static final int LO_FLAGS_AUTOCLEAR = 4;
    private static final int LO_FLAGS_DIRECT_IO = 16;
    private static final int ATTEMPTS = 200;

    private final String path;
    private final int descriptor;

    private LoopDevice(String path, int descriptor) {
        this.path = path;
        this.descriptor = descriptor;
    }

    /** @param direct requests go to the file as they are, several at a time, and by no page cache */
    static LoopDevice on(Path file, boolean direct) throws IOException {
        int backing = Kernel.open(file.toString(), Kernel.O_RDWR | Kernel.O_CLOEXEC);
        int control = Kernel.open("/dev/loop-control", Kernel.O_RDWR | Kernel.O_CLOEXEC);
        try (Memory config = new Memory(CONFIG_SIZE)) {
            config.clear();
            config.setInt(0, backing);
            config.setInt(CONFIG_FLAGS, LO_FLAGS_AUTOCLEAR | (direct ? LO_FLAGS_DIRECT_IO : 0));
            for (int attempt = 0; ; attempt++) {
                String path = "/dev/loop" + Kernel.ioctl(control, LOOP_CTL_GET_FREE, 0);
                int device = -1;
                try {
                    device = Kernel.open(path, Kernel.O_RDWR | Kernel.O_CLOEXEC);
                    Kernel.ioctl(device, LOOP_CONFIGURE, config);
                    return new LoopDevice(path, device);
                } catch (LastErrorException e) {
                    // somebody else has taken it meanwhile, or its node is not there yet
                    if (device >= 0) {
                        Kernel.close(device);
                    }
                    if (attempt == ATTEMPTS) {
                        throw new IOException(path + " cannot be had for " + file + ": " + e.getMessage(), e);
                    }
                    Pause.milliseconds(5);
                }
            }
        } finally {
            Kernel.close(control);
            Kernel.close(backing);
        }
    }

    String path() {
        return path;
    }

    @Override
    public void close() {
        Kernel.close(descriptor);
    }
}
