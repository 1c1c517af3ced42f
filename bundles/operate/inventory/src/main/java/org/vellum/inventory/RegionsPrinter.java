// SPDX-License-Identifier: Apache-2.0
package org.vellum.inventory;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.felix.inventory.Format;
import org.apache.felix.inventory.InventoryPrinter;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.json.DtoJson;

/** Prints the status of every open region and its latest commits, and why others are not open, as text or JSON. */
@Component(
        property = {
            InventoryPrinter.NAME + "=vellum-regions",
            InventoryPrinter.TITLE + "=Vellum regions",
            InventoryPrinter.FORMAT + "=TEXT",
            InventoryPrinter.FORMAT + "=JSON"
        })
public final class RegionsPrinter implements InventoryPrinter {
    private static final int COMMITS = 10;

    private final RegionManager regions;

    @Activate
    public RegionsPrinter(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public void print(PrintWriter writer, Format format, boolean isZip) {
        List<Region> open = regions.regions();
        List<WantedRegion> wanted = regions.wanted();
        if (Format.JSON.equals(format)) {
            Map<String, List<?>> all = new LinkedHashMap<>();
            all.put(
                    "regions",
                    open.stream().map(region -> region.status().toDTO()).toList());
            all.put("wanted", wanted.stream().map(WantedRegion::toDTO).toList());
            writer.println(DtoJson.text(all));
            return;
        }
        writer.println(open.size() + " regions are open");
        open.forEach(region -> print(writer, region));
        writer.println(wanted.size() + " regions are configured and not open");
        for (WantedRegion region : wanted) {
            writer.printf(
                    "%n%s, wanted by %s, not open since %s, tried at %s: %s%n  %s%n",
                    region.name(),
                    region.wantedBy(),
                    region.since(),
                    region.tried(),
                    region.obstacle(),
                    region.reason());
        }
    }

    private static void print(PrintWriter writer, Region region) {
        RegionStatus status = region.status();
        writer.printf(
                Locale.ROOT,
                "%n%s: %s, %d bytes at 0x%x, epoch %d, %s%n",
                status.name(),
                status.state(),
                status.size(),
                status.address(),
                status.epoch(),
                status.providers());
        writer.printf(
                Locale.ROOT,
                "  commits %d (%d more shared one), rollbacks %d, first stores %d, dirty pages %d%n",
                status.commits(),
                status.commitsShared(),
                status.rollbacks(),
                status.storeFaults(),
                status.dirtyPages());
        writer.printf(
                Locale.ROOT,
                "  bytes: changed %d, logged %d, log %d, working image %d; last gate %d ns%n",
                status.changedBytes(),
                status.loggedBytes(),
                status.logSize(),
                status.workingBytes(),
                status.lastGateNanoseconds());
        status.move()
                .ifPresent(move -> writer.printf(
                        Locale.ROOT,
                        "  moving to store %s: %d of %d bytes%n",
                        move.store(),
                        move.copiedBytes(),
                        move.totalBytes()));
        status.sections().forEach(section -> writer.println("  section: " + section));
        status.waiting().forEach(waiting -> writer.println("  waiting: " + waiting));
        status.remarks().forEach(remark -> writer.println("  remark: " + remark));
        List<RegionActivity.Commit> commits = region.activity().commits();
        for (RegionActivity.Commit commit : commits.subList(Math.max(0, commits.size() - COMMITS), commits.size())) {
            writer.printf(
                    Locale.ROOT,
                    "  epoch %d at %s: %d us, %d dirty pages, %d bytes changed%n",
                    commit.epoch(),
                    commit.when(),
                    commit.nanoseconds() / 1000,
                    commit.dirtyPages(),
                    commit.changedBytes());
        }
    }
}
