/**
 * Every crash that a recording of a store's work allows, each recovered by the store's own code and compared with what
 * was committed.
 *
 * <p>A store takes part by one {@link org.vellum.crash.enumeration.Subject}: it works on a
 * {@link org.vellum.crash.enumeration.RecordingMedium}, and recovers what a crash leaves of it.
 * {@link org.vellum.crash.enumeration.CrashEnumeration} does the rest, and
 * {@link org.vellum.crash.enumeration.Mutation} shows that it would have noticed a missing write-back, fence or sync.
 * The package depends on nothing but the JDK.
 */
@Export
@Version("1.0.0")
package org.vellum.crash.enumeration;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
