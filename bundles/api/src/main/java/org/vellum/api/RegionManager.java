// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Opens regions. A service; safe for use by many threads.
 *
 * <p>A region belongs to the bundle that opened it and is closed when that bundle stops or lets go of this
 * service, as a Declarative Services component does when it is deactivated. In one process, and among
 * processes, a region is open at most once; other bundles of the same framework share it through the
 * {@link Region} service of a configured region (factory PID {@value #CONFIGURATION_PID}).
 */
@ProviderType
public interface RegionManager {

    /** Factory PID of configured regions, one configuration a region: {@code org.vellum.region~orders}. */
    String CONFIGURATION_PID = "org.vellum.region";

    /**
     * Id of the service {@code org.osgi.service.condition.Condition} that is there when this service is: regions can be opened
     * with the providers that there are.
     */
    String CONDITION_ID = "org.vellum.regions";

    /**
     * Opens the region of this name, creating it first if no store holds it yet. A region that exists is opened where it is.
     * Recovery, where one is
     * needed, has happened when this returns: the region holds exactly the last committed epoch, at the address it
     * was created at.
     *
     * @param name what the store files the region under: 1 to 128 characters of letters, digits, {@code . _ -},
     *     not starting with a dot
     * @param options size (needed only to create), place and providers
     * @return the open region, owned by the caller
     * @throws InvalidRegionException the name or an option cannot be used; says which and why
     * @throws RegionBusyException open already, here or in another process; names the holder
     * @throws DamagedImageException the image is torn, truncated, foreign or corrupted beyond what recovery may
     *     repair; names file, offset and expectation. Nothing was changed.
     * @throws AddressTakenException something else is mapped where the region must be
     * @throws ProviderMissingException no provider fits an axis, and none came while this waited; names the axis, what was
     *     asked for, and the way out
     * @throws RegionException the store or the kernel refused otherwise
     */
    Region open(String name, RegionOptions options);

    /**
     * The regions that configurations ask for and that are not open now, in order of name; each says why, and what would
     * help. A snapshot.
     */
    default List<WantedRegion> wanted() {
        return List.of();
    }

    /** The regions open in this process now, whoever opened them, in order of name. A snapshot. */
    List<Region> regions();

    /** The open region of this name. */
    Optional<Region> region(String name);
}
