// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.consumer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RequireVellum;

/**
 * Proves from inside of any framework that regions last: each life commits one more entry, stores another that it does
 * not commit, and reports in a file, named by the framework or system property {@value #REPORT_PROPERTY}; without one it does
 * nothing. Whoever started the framework reads the report, and kills it, or stops it: with the property {@value #LAST_PROPERTY} it
 * then commits a last time, and that file says what came of it.
 */
@RequireVellum
@Component(
        service = {},
        immediate = true,
        configurationPolicy = ConfigurationPolicy.IGNORE)
public final class Diary {
    static final String REPORT_PROPERTY = "vellum.test.report";
    static final String LAST_PROPERTY = "vellum.test.last";

    private static final int ENTRIES = 0;
    private static final int UNCOMMITTED = 8192;

    private final Region region;
    private final String last;

    @Activate
    public Diary(@Reference RegionManager regions, BundleContext context) throws IOException {
        String report = context.getProperty(REPORT_PROPERTY);
        last = context.getProperty(LAST_PROPERTY);
        if (report == null) {
            region = null;
            return;
        }
        region = regions.open("diary", RegionOptions.size("1 MiB"));
        ByteBuffer buffer = region.buffer(0, 16384);
        long leftover = buffer.getLong(UNCOMMITTED);
        buffer.putLong(ENTRIES, buffer.getLong(ENTRIES) + 1);
        long epoch = region.commit();
        buffer.putLong(UNCOMMITTED, epoch);
        write(
                Path.of(report),
                "entries=" + buffer.getLong(ENTRIES) + " epoch=" + epoch + " leftover=" + leftover + " address=0x"
                        + Long.toHexString(region.address()) + "\n");
    }

    /** The file is there whole or not at all. */
    private static void write(Path report, String text) throws IOException {
        Path draft = Files.writeString(report.resolveSibling(report.getFileName() + ".draft"), text);
        Files.move(draft, report, StandardCopyOption.ATOMIC_MOVE);
    }

    @Deactivate
    public void close() throws IOException {
        if (region != null) {
            if (last != null) {
                write(Path.of(last), lastCommit());
            }
            region.close();
        }
    }

    private String lastCommit() {
        try {
            return "committed epoch " + region.commit();
        } catch (RuntimeException e) {
            return e.toString();
        }
    }
}
