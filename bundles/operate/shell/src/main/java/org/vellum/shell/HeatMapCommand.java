// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.felix.service.command.Descriptor;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity.Heat;
import org.vellum.api.RegionManager;
import org.vellum.api.provider.Quantity;

/** The command {@code vellum:heatmap}; as {@link RegionCommands}. */
@Component(
        service = HeatMapCommand.class,
        property = {"osgi.command.scope=vellum", "osgi.command.function=heatmap"})
public final class HeatMapCommand {
    private static final int PAGE_SIZE = 4096;
    private static final int COLUMNS = 64;
    private static final int ROWS = 16;

    /** A character for each age: this epoch, then up to 1, 3, 15, 255 and any number of epochs ago. */
    private static final String AGES = "#O*o:.";

    private static final long[] OLDEST = {0, 1, 3, 15, 255};
    private static final char NEVER = ' ';

    private final RegionManager regions;

    @Activate
    public HeatMapCommand(@Reference RegionManager regions) {
        this.regions = regions;
    }

    /** For what does not fit: Gogo would list the types of the parameters. */
    @Descriptor("says how it is used")
    public String heatmap(@Descriptor("anything else") String... arguments) {
        throw new ShellFailure("usage: vellum:heatmap REGION");
    }

    @Descriptor("where a region was written, by epochs since then")
    public String heatmap(@Descriptor("name of an open region") String name) {
        Region region = regions.region(name)
                .orElseThrow(() -> new ShellFailure("no region '" + name + "' is open (vellum:regions lists them)"));
        Heat heat = region.activity().heat(COLUMNS * ROWS);
        long cellBytes = heat.pagesPerCell() * PAGE_SIZE;
        List<String> lines = new ArrayList<>();
        lines.add("region '" + name + "', epoch " + Quantity.count(heat.epoch()) + ": a character is "
                + Quantity.bytes(cellBytes) + ", a line " + Quantity.bytes(cellBytes * COLUMNS));
        int cells = heat.lastWritten().length;
        for (int first = 0; first < cells; first += COLUMNS) {
            StringBuilder line =
                    new StringBuilder(String.format(Locale.ROOT, "%18s |", Quantity.address(first * cellBytes)));
            for (int cell = first; cell < Math.min(cells, first + COLUMNS); cell++) {
                line.append(character(heat.age(cell)));
            }
            lines.add(line.append('|').toString());
        }
        lines.add(
                "# this epoch, O the one before, * 2 or 3 ago, o to 15, : to 255, . older, blank: not since it was opened");
        return String.join("\n", lines);
    }

    private static char character(long age) {
        if (age < 0) {
            return NEVER;
        }
        int step = 0;
        while (step < OLDEST.length && age > OLDEST[step]) {
            step++;
        }
        return AGES.charAt(step);
    }
}
