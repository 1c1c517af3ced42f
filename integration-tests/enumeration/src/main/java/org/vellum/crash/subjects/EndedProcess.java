// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.Optional;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Processes;

/** What a move writes into a home image about the process whose memory the region is in. */
final class EndedProcess {
    /** Above every process number that the kernel gives out. */
    private static final long NO_PROCESS = 1L << 23;

    private EndedProcess() {}

    static long whereaboutsOffset() {
        return Whereabouts.OFFSET;
    }

    /**
     * What the home image would say had the process ended in whose memory the region is, by what it says: here crashes end
     * no process. Empty if it says nothing of the kind.
     */
    static Optional<byte[]> whereabouts(NativeCore core, StoreFiles files, ImageFiles names) throws FileFailure {
        try (StoreFile home = files.open(names.home(), false)) {
            Whereabouts found = HomeImage.readWhereabouts(core, home, names.region());
            if (found.place().folder().isPresent() || Processes.isGone(found)) {
                return Optional.empty();
            }
            Whereabouts.ProcessIdentity process = found.process();
            return Optional.of(new Whereabouts(
                            found.place(),
                            new Whereabouts.ProcessIdentity(
                                    NO_PROCESS, process.start(), process.boot(), process.namespace(), process.host()))
                    .encode());
        } catch (DamagedImageException e) {
            // there are none, or they are torn: whether that matters is for the recovery to say
            return Optional.empty();
        }
    }
}
