// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.vellum.store.image.medium.ImageFiles;

/** Where on the disk the bytes of a region's files are, as commands to the recording disk. */
final class Extents {
    /* linux/fiemap.h */
    private static final int FS_IOC_FIEMAP = 0xC020660B;
    private static final int HEADER = 32;
    private static final int EXTENT = 56;
    private static final int MOST = 200;

    private Extents() {}

    static List<String> of(ImageFiles files) {
        List<String> commands = new ArrayList<>();
        for (Path file : new Path[] {files.home(), files.log(0), files.log(1)}) {
            if (Files.exists(file)) {
                add(file, commands);
            }
        }
        return commands;
    }

    private static void add(Path file, List<String> commands) {
        int descriptor = Kernel.open(file.toString(), Kernel.O_RDWR | Kernel.O_CLOEXEC);
        try (Memory map = new Memory(HEADER + (long) MOST * EXTENT)) {
            map.clear();
            map.setLong(8, -1);
            map.setInt(24, MOST);
            Kernel.ioctl(descriptor, FS_IOC_FIEMAP & 0xFFFFFFFFL, map);
            for (int i = 0; i < map.getInt(20); i++) {
                long at = HEADER + (long) i * EXTENT;
                commands.add("RANGE " + map.getLong(at + 8) + " " + map.getLong(at + 16));
            }
        } catch (LastErrorException e) {
            throw new IllegalStateException("where " + file + " is cannot be told: " + e.getMessage(), e);
        } finally {
            Kernel.close(descriptor);
        }
    }
}
