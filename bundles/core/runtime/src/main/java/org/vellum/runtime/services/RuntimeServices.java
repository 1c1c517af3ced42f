// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.services;

import java.time.Duration;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.waiting.Watch;

/**
 * What every region of the process shares.
 *
 * @param patience how long a close on behalf of somebody who goes away waits for sections and bodies of
 *     {@code atomically}
 * @param watch tells the log what lasts
 */
public record RuntimeServices(
        NativeCore core, PhaseObserver observers, EventSink events, Duration patience, Watch watch) {
    public RuntimeServices(NativeCore core, PhaseObserver observers, EventSink events, Duration patience) {
        this(core, observers, events, patience, Watch.start());
    }
}
