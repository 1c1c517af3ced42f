// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.nio.file.Path;
import org.vellum.api.RegionOptions;

/** The region that a configuration asks for: what decides whether a changed one means another region. Texts as configured. */
record Wish(
        String name,
        String size,
        String directory,
        String logSize,
        String vmm,
        String pageTable,
        String strategy,
        String store) {
    static Wish of(RegionConfiguration configuration, String pid) {
        return new Wish(
                configuration.region_name().isEmpty()
                        ? pid.substring(pid.indexOf('~') + 1)
                        : configuration.region_name(),
                configuration.size(),
                configuration.directory(),
                configuration.logSize(),
                configuration.vmm(),
                configuration.pagetable(),
                configuration.strategy(),
                configuration.store());
    }

    /** With the other's selectors: providers can be swapped. */
    Wish withSelectorsOf(Wish other) {
        return new Wish(name, size, directory, logSize, other.vmm, other.pageTable, other.strategy, other.store);
    }

    RegionOptions options() {
        RegionOptions options = size.isBlank() ? RegionOptions.existing() : RegionOptions.size(size);
        if (!directory.isBlank()) {
            options = options.withDirectory(Path.of(directory));
        }
        if (!logSize.isBlank()) {
            options = options.withLogSize(RegionOptions.parseSize(logSize));
        }
        return options.withVmm(vmm)
                .withPageTable(pageTable)
                .withStrategy(strategy)
                .withStore(store);
    }
}
