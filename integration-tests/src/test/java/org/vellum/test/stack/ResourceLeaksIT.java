// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.test.tool.ChildProcess;

/** What a region took it gives back, but for its address range, which is retired for the life of the process. */
class ResourceLeaksIT {
    @TempDir
    Path folder;

    @Test
    void twoHundredRegionsLeaveNoFilesThreadsOrMappingsBehind() throws Exception {
        try (ChildProcess child = ChildProcess.start(ResourceLeakProbe.class, folder.toString())) {
            child.succeed(Duration.ofSeconds(120));
        }
    }
}
