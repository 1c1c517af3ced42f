/**
 * The runtime: composes regions from the providers of the four axes, cuts epochs and commits.
 *
 * <p>{@link org.vellum.runtime.RegionsComponent} follows the services and hands them to
 * {@link org.vellum.runtime.Regions}, which knows every region open in this process.
 * {@link org.vellum.runtime.RegionManagerComponent} (one a using bundle) and
 * {@link org.vellum.runtime.ConfiguredRegion} (one a configuration) open regions there on somebody's behalf.
 * {@link org.vellum.runtime.RegionOpening} puts a region together or takes everything back;
 * {@link org.vellum.runtime.OpenRegion} is what it becomes.
 *
 * <h2>Selection and start order</h2>
 *
 * A region takes the best providers that are there when it is opened and keeps them until it is closed. Regions can be
 * opened from the moment on in which every axis has had a provider, so where several bundles provide an axis they
 * should start before this one (a lower start level), else the first to come is taken. A provider that goes away
 * closes the regions that use it.
 *
 * <h2>Locks</h2>
 *
 * All are Java locks, so none may be waited for while a gate is closed; a gate is closed and opened again inside one
 * native call, and no Java code runs in between. They are taken in this order:
 *
 * <ol>
 *   <li>a region's <b>transaction</b> lock: one commit, rollback, close or body of {@code atomically} at a time;
 *   <li>its <b>sections</b>: read-held by each open section, write-held around a cut, a rollback and a close;
 *   <li>its <b>control</b> lock: held while its native code or its image is in use, so that whoever holds it knows that
 *       nobody else is in there. A close on behalf of somebody who cannot wait any longer goes without the two above,
 *       never without this one;
 *   <li>the monitor of {@link org.vellum.runtime.Regions}: the tables of providers and open regions. Nothing foreign is
 *       called while it is held.
 * </ol>
 *
 * None is waited for interruptibly: an interrupt neither breaks a commit nor is it lost.
 */
package org.vellum.runtime;
