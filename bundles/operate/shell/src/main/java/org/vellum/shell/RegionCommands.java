// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.felix.service.command.Descriptor;
import org.apache.felix.service.command.Parameter;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.Quantity;

/**
 * The commands {@code vellum:*}. Each returns what is to be shown, which Gogo prints; a refusal is a sentence
 * ({@link ShellFailure}). Gogo finds the methods by their names, may call them from several sessions at once, and shows
 * the descriptors as help.
 */
@Component(
        service = RegionCommands.class,
        property = {
            "osgi.command.scope=vellum",
            "osgi.command.function=regions",
            "osgi.command.function=status",
            "osgi.command.function=commit",
            "osgi.command.function=open",
            "osgi.command.function=close"
        })
public final class RegionCommands {
    private static final String NO_REGIONS = "no regions are open (vellum:open NAME SIZE opens one)";

    private static final String OPEN_USAGE = "usage: vellum:open [--vmm NAME] [--strategy NAME] NAME [SIZE]";

    private final RegionManager regions;

    @Activate
    public RegionCommands(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Descriptor("the open regions, one a line, and those that are configured and not open")
    public String regions() {
        List<Region> open = regions.regions();
        List<WantedRegion> wanted = regions.wanted();
        String opened = open.isEmpty() ? NO_REGIONS : table(open);
        return wanted.isEmpty() ? opened : opened + "\n\nconfigured and not open:\n" + wantedTable(wanted);
    }

    private static String wantedTable(List<WantedRegion> wanted) {
        Table table = new Table()
                .column("NAME", Table.Alignment.LEFT)
                .column("OBSTACLE", Table.Alignment.LEFT)
                .column("SINCE", Table.Alignment.LEFT)
                .column("REASON", Table.Alignment.LEFT);
        for (WantedRegion region : wanted) {
            table.row(region.name(), obstacle(region), region.since().toString(), region.reason());
        }
        return table.toString();
    }

    private static String obstacle(WantedRegion region) {
        return region.obstacle().name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    }

    private static String table(List<Region> open) {
        Table table = new Table()
                .column("NAME", Table.Alignment.LEFT)
                .column("STATE", Table.Alignment.LEFT)
                .column("SIZE", Table.Alignment.RIGHT)
                .column("EPOCH", Table.Alignment.RIGHT)
                .column("COMMITS", Table.Alignment.RIGHT)
                .column("LOGGED", Table.Alignment.RIGHT)
                .column("ADDRESS", Table.Alignment.RIGHT)
                .column("PROVIDERS", Table.Alignment.LEFT);
        for (Region region : open) {
            RegionStatus status = region.status();
            table.row(
                    status.name(),
                    state(status),
                    Quantity.bytes(status.size()),
                    Quantity.count(status.epoch()),
                    Quantity.count(status.commits()),
                    Quantity.bytes(status.loggedBytes()),
                    Quantity.address(status.address()),
                    status.providers().toString());
        }
        return table.toString();
    }

    @Descriptor("everything there is to know about some regions, or all that are open")
    public String status(@Descriptor("names of regions, open or configured; none: all") String... names) {
        List<String> chosen = new ArrayList<>();
        if (names.length == 0) {
            regions.regions().forEach(region -> chosen.add(describe(region.status())));
            regions.wanted().forEach(wanted -> chosen.add(describe(wanted)));
            return chosen.isEmpty() ? NO_REGIONS : String.join("\n\n", chosen);
        }
        for (String name : names) {
            List<WantedRegion> wanted = regions.region(name).isPresent()
                    ? List.of()
                    : regions.wanted().stream()
                            .filter(region -> region.name().equals(name))
                            .toList();
            if (wanted.isEmpty()) {
                chosen.add(describe(named(name).get(0).status()));
            }
            wanted.forEach(region -> chosen.add(describe(region)));
        }
        return String.join("\n\n", chosen);
    }

    private static String describe(WantedRegion wanted) {
        return new Table()
                .column("", Table.Alignment.LEFT)
                .column("", Table.Alignment.LEFT)
                .row("region", wanted.name())
                .row("state", "not open: " + obstacle(wanted))
                .row("wanted by", wanted.wantedBy())
                .row("since", wanted.since().toString())
                .row("tried", wanted.tried().toString())
                .row("reason", wanted.reason())
                .toString();
    }

    @Descriptor("make all stores so far durable, region by region")
    public String commit(@Descriptor("names of open regions") String... names) {
        return each(
                "commit", names, region -> "region '" + region.name() + "': epoch " + region.commit() + " is durable");
    }

    @Descriptor("close regions; stores not committed are gone")
    public String close(@Descriptor("names of open regions") String... names) {
        return each("close", names, region -> {
            region.close();
            return "region '" + region.name() + "': closed";
        });
    }

    @Descriptor("open a region that exists")
    public String open(
            @Descriptor("the VMM backend") @Parameter(names = "--vmm", absentValue = RegionOptions.AUTO) String vmm,
            @Descriptor("the strategy") @Parameter(names = "--strategy", absentValue = RegionOptions.AUTO)
                    String strategy,
            @Descriptor("its name") String name) {
        return open(name, () -> RegionOptions.existing().withVmm(vmm).withStrategy(strategy));
    }

    @Descriptor("open a region, or create it when there is none of this name")
    public String open(
            @Descriptor("the VMM backend") @Parameter(names = "--vmm", absentValue = RegionOptions.AUTO) String vmm,
            @Descriptor("the strategy") @Parameter(names = "--strategy", absentValue = RegionOptions.AUTO)
                    String strategy,
            @Descriptor("its name") String name,
            @Descriptor("its size when created, such as 64MiB") String size) {
        return open(name, () -> RegionOptions.size(size).withVmm(vmm).withStrategy(strategy));
    }

    /** For what fits none of the others: Gogo would list the types of their parameters. */
    @Descriptor("says how it is used")
    public String open(@Descriptor("anything else") String... arguments) {
        throw new ShellFailure(OPEN_USAGE);
    }

    /** As that of {@code open}. */
    @Descriptor("says how it is used")
    public String regions(@Descriptor("anything else") String... arguments) {
        throw new ShellFailure("usage: vellum:regions, with nothing behind it; vellum:status NAME tells of one");
    }

    private String open(String name, Supplier<RegionOptions> options) {
        if (name.startsWith("-")) { // an option that there is none of
            throw new ShellFailure(OPEN_USAGE);
        }
        return answer(() -> describe(regions.open(name, options.get()).status()));
    }

    private String each(String command, String[] names, java.util.function.Function<Region, String> action) {
        if (names.length == 0) {
            throw new ShellFailure("vellum:" + command + " needs the name of a region; " + open());
        }
        // all names are checked before anything is done
        List<String> answers = new ArrayList<>();
        for (Region region : named(names)) {
            answers.add(answer(() -> action.apply(region)));
        }
        return String.join("\n", answers);
    }

    private List<Region> named(String... names) {
        List<Region> found = new ArrayList<>();
        for (String name : names) {
            found.add(regions.region(name)
                    .orElseThrow(() -> new ShellFailure("no region '" + name + "' is open; " + open())));
        }
        return found;
    }

    private String open() {
        List<String> names = regions.regions().stream().map(Region::name).toList();
        return names.isEmpty() ? "none is" : "open: " + String.join(", ", names);
    }

    private static String answer(Supplier<String> action) {
        try {
            return action.get();
        } catch (RegionException e) {
            throw new ShellFailure(e.getMessage(), e);
        }
    }

    private static String state(RegionStatus status) {
        return status.state().name().toLowerCase(java.util.Locale.ROOT);
    }

    private static String describe(RegionStatus status) {
        Table table = new Table().column("", Table.Alignment.LEFT).column("", Table.Alignment.LEFT);
        table.row("region", status.name())
                .row("state", state(status))
                .row("size", Quantity.bytes(status.size()))
                .row("address", Quantity.address(status.address()))
                .row("durable epoch", Quantity.count(status.epoch()))
                .row("providers", status.providers().toString())
                .row("commits", Quantity.count(status.commits()))
                .row("commits shared", Quantity.count(status.commitsShared()))
                .row("rollbacks", Quantity.count(status.rollbacks()))
                .row("first stores", Quantity.count(status.storeFaults()))
                .row("dirty pages", Quantity.count(status.dirtyPages()))
                .row("changed", Quantity.bytes(status.changedBytes()))
                .row("logged", Quantity.bytes(status.loggedBytes()))
                .row("log size", Quantity.bytes(status.logSize()))
                .row("last gate", Quantity.nanoseconds(status.lastGateNanoseconds()))
                .row("working image", Quantity.bytes(status.workingBytes()));
        status.lastSwap().ifPresent(swap -> table.row("last swap", describe(swap)));
        status.move().ifPresent(move -> table.row("moving", describe(move)));
        status.sections().forEach(section -> table.row("section", section.toString()));
        status.waiting().forEach(waiting -> table.row("waiting", waiting.toString()));
        status.remarks().forEach(remark -> table.row("remark", remark));
        return table.toString();
    }

    private static String describe(RegionStatus.Move move) {
        return "to store " + move.store() + ": " + move.percent() + " %, " + Quantity.bytes(move.copiedBytes()) + " of "
                + Quantity.bytes(move.totalBytes());
    }

    private static String describe(RegionStatus.Swap swap) {
        return swap.from() + " to " + swap.to() + " at " + swap.when() + ": " + swap.reason() + ", writers stopped for "
                + Quantity.nanoseconds(swap.gateNanoseconds());
    }
}
