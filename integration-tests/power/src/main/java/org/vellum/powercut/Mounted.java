// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A mounted file system and, where it is meant to be below one, the overlay on it. */
final class Mounted implements AutoCloseable {
    private static final int BTRFS_IOC_FORGET_DEV = 0x50009405;
    private static final int BTRFS_ARGUMENT_SIZE = 4096;
    private static final int ATTEMPTS = 200;

    private final FileSystem system;
    private final Path point;
    private final Path root;

    private Mounted(FileSystem system, Path point, Path root) {
        this.system = system;
        this.point = point;
        this.root = root;
    }

    /** @throws FileSystemRefusal it refuses */
    static Mounted at(Path point, FileSystem system, String device) throws IOException {
        Files.createDirectories(point);
        mount(device, point, system.type(), system.mountFlags(), system.mountOptions());
        if (!system.isOverlay()) {
            return new Mounted(system, point, point);
        }
        Path over = overlayPoint(point);
        try {
            Files.createDirectories(over);
            for (String layer : new String[] {"lower", "upper", "work"}) {
                Files.createDirectories(point.resolve(layer));
            }
            mount(
                    "overlay",
                    over,
                    "overlay",
                    0,
                    "lowerdir=%1$s/lower,upperdir=%1$s/upper,workdir=%1$s/work".formatted(point));
        } catch (IOException e) {
            unmount(point);
            throw e;
        }
        return new Mounted(system, point, over);
    }

    private static Path overlayPoint(Path point) {
        return point.resolveSibling(point.getFileName() + "-over");
    }

    /** Where the root of a file system mounted at a point is. */
    static Path root(Path point, FileSystem system) {
        return system.isOverlay() ? overlayPoint(point) : point;
    }

    Path root() {
        return root;
    }

    private static void mount(String source, Path target, String type, long flags, String options) throws IOException {
        try {
            Kernel.mount(source, target.toString(), type, flags, options);
        } catch (LastErrorException e) {
            throw new FileSystemRefusal(type + " on " + source + " is not mounted: " + e.getMessage(), e);
        }
    }

    private static void unmount(Path target) throws IOException {
        for (int attempt = 0; ; attempt++) {
            try {
                Kernel.umount2(target.toString(), 0);
                return;
            } catch (LastErrorException e) {
                if (e.getErrorCode() != Kernel.EBUSY || attempt == ATTEMPTS) {
                    throw new IOException(target + " is not unmounted: " + e.getMessage(), e);
                }
                Pause.milliseconds(1 + attempt);
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (!root.equals(point)) {
            unmount(root);
        }
        unmount(point);
        if (system.type().equals("btrfs")) {
            forgetDevices();
        }
    }

    /** The kernel remembers each device on which it saw a btrfs, by its identity, which all our images share. */
    private static void forgetDevices() {
        int control = Kernel.open("/dev/btrfs-control", Kernel.O_RDWR | Kernel.O_CLOEXEC);
        try (Memory all = new Memory(BTRFS_ARGUMENT_SIZE)) {
            all.clear();
            Kernel.ioctl(control, BTRFS_IOC_FORGET_DEV, all);
        } catch (LastErrorException e) {
            // one of them is mounted: it stays known, and others are refused by name when they are mounted
        } finally {
            Kernel.close(control);
        }
    }
}
