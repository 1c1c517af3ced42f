// SPDX-License-Identifier: Apache-2.0
package org.vellum.embedded;

import java.nio.file.Path;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;

/** What a user writes: counts how often it was started, until it is killed. Started by {@link PlainProgramTest}. */
final class PlainProgram {
    private PlainProgram() {}

    public static void main(String[] args) throws InterruptedException {
        try (Vellum vellum = Vellum.builder().directory(Path.of(args[0])).open();
                Region region = vellum.open("starts", RegionOptions.size("1 MiB"))) {
            long starts = region.buffer(0, 8).getLong(0) + 1;
            region.buffer(0, 8).putLong(0, starts);
            long epoch = region.commit();
            long before = region.buffer(8, 8).getLong(0);
            region.buffer(8, 8).putLong(0, starts); // is never committed
            System.out.println("start " + starts + ", uncommitted before: " + before + ", epoch " + epoch);
            Thread.sleep(Long.MAX_VALUE);
        }
    }
}
