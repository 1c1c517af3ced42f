// SPDX-License-Identifier: Apache-2.0
/**
 * The runtime: composes regions from the providers of the four axes, cuts epochs and commits.
 *
 * <p>Its packages, from the top; each depends on those below it only:
 *
 * <pre>
 *   osgi       components, services, configurations, events
 *   registry   every open region, and the providers there are
 *   region     the region that applications have: opening, façade, status
 *   swap       its providers, and how others take their place
 *   commit     how its epochs become durable
 *   state      whether it is open, and its three locks in their order      providers   axes, selectors, tuples
 *   services   what all regions share
 *   waiting    who waits for whom
 * </pre>
 *
 * <p>{@link org.vellum.runtime.osgi.RegionsComponent} follows the services and hands them to {@link
 * org.vellum.runtime.registry.Regions}. {@link org.vellum.runtime.osgi.RegionManagerComponent} (one a using bundle) and {@link
 * org.vellum.runtime.osgi.ConfiguredRegion} (one a configuration) open regions there on somebody's behalf. {@link
 * org.vellum.runtime.region.RegionOpening} puts a region together or takes everything back; {@link
 * org.vellum.runtime.region.OpenRegion} is what it becomes. A commit goes down the {@link
 * org.vellum.runtime.commit.CommitPath}, a swap down the {@link org.vellum.runtime.swap.Composition}; events go up.
 *
 * <h2>Selection and swaps</h2>
 *
 * A region takes the best providers that its selectors allow, and follows them as they come and go ({@link
 * org.vellum.runtime.swap.Composition}): a better one that comes and one that goes are swapped under the stores of the
 * application. Without a provider that tracks stores a region is degraded, without its store it cannot commit; both end
 * by themselves. A store that is asked for gets the image, by a {@link org.vellum.runtime.swap.Move} if its files are others.
 * Regions can be opened from the moment on in which every axis has had a provider.
 *
 * <h2>Locks</h2>
 *
 * All are Java locks, so none may be waited for while a gate is closed; a gate is closed and opened again inside one
 * native call, and no Java code runs in between. They are taken in this order:
 *
 * <ol>
 *   <li>the <b>swapping</b> lock of a region's composition: one swap at a time, the others queue. Owners are told of a swap
 *       when it is released;
 *   <li>the region's three, <b>transaction</b>, <b>sections</b> and <b>control</b>, see {@link
 *       org.vellum.runtime.state.RegionLocks};
 *   <li>the lock of the registry ({@link org.vellum.runtime.registry.Regions}): the tables of providers and open regions. Nothing foreign is
 *       called while it is held.
 * </ol>
 *
 * A move's thread takes the control lock and no other, for its last step; so whoever waits for its end must not hold that
 * one, and may hold any other.
 *
 * <p>Each wait is a {@link org.vellum.runtime.waiting.Wait}: it can be interrupted or has its reason not to, and says for whom
 * it is.
 */
@Capability(
        namespace = RequireVellum.IMPLEMENTATION_NAMESPACE,
        name = RequireVellum.IMPLEMENTATION_NAME,
        version = RequireVellum.IMPLEMENTATION_VERSION,
        uses = RegionManager.class)
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.PAGE_TABLE,
        filter = "(portable=true)",
        effective = "active")
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STRATEGY,
        filter = "(portable=true)",
        effective = "active")
@Requirement(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STORE,
        filter = "(&(portable=true)(durable=true))",
        effective = "active")
package org.vellum.runtime;

import org.osgi.annotation.bundle.Capability;
import org.osgi.annotation.bundle.Requirement;
import org.vellum.api.RegionManager;
import org.vellum.api.RequireVellum;
import org.vellum.api.provider.ProviderNamespace;
