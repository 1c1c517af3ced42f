// SPDX-License-Identifier: Apache-2.0
package org.vellum.health;

import java.nio.file.Path;
import java.util.List;
import org.apache.felix.hc.api.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SpaceCheckTest {
    @TempDir
    Path folder;

    @Test
    void roomIsMeasuredWhereTheFolderWillBe() {
        Result result = new SpaceCheck(List.of(folder.resolve("not/made/yet")), 1).execute();
        assertEquals(Result.Status.OK, result.getStatus(), result.toString());
    }

    @Test
    void tooLittleRoomIsCritical() {
        Result result = new SpaceCheck(List.of(folder), Long.MAX_VALUE).execute();
        assertEquals(Result.Status.CRITICAL, result.getStatus());
        assertTrue(result.toString().contains(folder + " has "), result.toString());
    }
}
