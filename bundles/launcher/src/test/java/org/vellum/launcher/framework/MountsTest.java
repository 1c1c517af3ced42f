// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Whether code may be mapped from a folder's files. */
class MountsTest {
    private static final List<String> MOUNTS = List.of(
            "/dev/vda / ext4 rw,relatime 0 0",
            "none /tmp tmpfs rw,nosuid,noexec 0 0",
            "none /tmp/may tmpfs rw 0 0",
            "none /a\\040b tmpfs noexec 0 0",
            "none /over tmpfs rw 0 0",
            "none /over tmpfs rw,noexec 0 0",
            "malformed");

    @Test
    void theNearestMountAboveCounts() {
        assertEquals(Optional.of("/tmp"), Mounts.withoutExecution(Path.of("/tmp/x/y"), MOUNTS));
        assertEquals(Optional.empty(), Mounts.withoutExecution(Path.of("/tmp/may/y"), MOUNTS));
        assertEquals(Optional.empty(), Mounts.withoutExecution(Path.of("/tmpother"), MOUNTS));
        assertEquals(Optional.of("/a b"), Mounts.withoutExecution(Path.of("/a b/c"), MOUNTS));
    }

    @Test
    void ofTwoAtOnePlaceTheLaterCounts() {
        assertEquals(Optional.of("/over"), Mounts.withoutExecution(Path.of("/over"), MOUNTS));
    }
}
