// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.EnumMap;
import java.util.Map;
import org.vellum.nativelib.Errno;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.PersistPoint;

/** What fails next, once each. Safe for use by many threads. */
final class Faults {
    private final Map<PersistPoint, Integer> syncs = new EnumMap<>(PersistPoint.class);
    private boolean write;

    /** The next so many syncs at this point fail with EIO. */
    synchronized void failSync(PersistPoint point, int times) {
        syncs.put(point, times);
    }

    /** The next write of more than a sector stops half way. */
    synchronized void failWrite() {
        write = true;
    }

    synchronized boolean takeWrite(long length) {
        boolean fails = write && length > 512;
        write &= !fails;
        return fails;
    }

    synchronized boolean takeSync(PersistPoint point) {
        int left = syncs.getOrDefault(point, 0);
        syncs.put(point, Math.max(0, left - 1));
        return left > 0;
    }

    static FileFailure failure(String call) {
        return new FileFailure(call + " (injected)", Errno.EIO);
    }

    /** Whether something that was to fail was never tried: the workload is not what it says. */
    synchronized boolean pending() {
        return write || syncs.values().stream().anyMatch(left -> left > 0);
    }
}
