// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.felix.service.command.Descriptor;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Quantity;

/** {@code vellum:swap}: other providers for an open region, while it is stored to. As {@link RegionCommands}. */
@Component(
        service = SwapCommand.class,
        property = {"osgi.command.scope=vellum", "osgi.command.function=swap"})
public final class SwapCommand {
    private static final String USAGE = "usage: vellum:swap REGION AXIS=SELECTOR..., where an axis is one of "
            + String.join(", ", RegionOptions.AXES) + " and a selector is auto, a provider's name or an LDAP filter in"
            + " quotes";

    private final RegionManager regions;

    @Activate
    public SwapCommand(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Descriptor("put other providers in force under an open region; nothing is lost, nothing is committed")
    public String swap(
            @Descriptor("name of an open region") String name,
            @Descriptor("what to change: axis=selector, such as strategy=write-protect or vmm=kvm") String... changes) {
        Map<String, String> selectors = selectors(changes);
        Region region = regions.region(name)
                .orElseThrow(() -> new ShellFailure("no region '" + name + "' is open (vellum:regions lists them)"));
        try {
            return describe(name, region.swap(selectors));
        } catch (RegionException | IllegalStateException e) {
            throw new ShellFailure(e.getMessage(), e);
        }
    }

    /** For none: Gogo would list the types of the parameters. */
    @Descriptor("says how it is used")
    public String swap() {
        throw new ShellFailure(USAGE);
    }

    private static Map<String, String> selectors(String... changes) {
        Map<String, String> selectors = new LinkedHashMap<>();
        for (String change : changes) {
            int separator = change.indexOf('=');
            if (separator <= 0 || separator == change.length() - 1) {
                throw new ShellFailure("'" + change + "' is not AXIS=SELECTOR; " + USAGE);
            }
            if (selectors.put(change.substring(0, separator), change.substring(separator + 1)) != null) {
                throw new ShellFailure("axis '" + change.substring(0, separator) + "' is named twice; " + USAGE);
            }
        }
        if (selectors.isEmpty()) {
            throw new ShellFailure(USAGE);
        }
        return selectors;
    }

    private static String describe(String name, RegionStatus.Swap swap) {
        if (swap.from().equals(swap.to())) {
            return "region '" + name + "': " + swap.to() + " is in force already";
        }
        return "region '" + name + "': " + swap.to() + " instead of " + swap.from() + ", writers stopped for "
                + Quantity.nanoseconds(swap.gateNanoseconds());
    }
}
