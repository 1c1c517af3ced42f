// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.waiting.Clock;

/**
 * Says so when the native core does not come: without it {@link RegionsComponent}, which says what else is missing, is not there
 * either.
 */
@Component(
        service = {},
        immediate = true)
public final class NativeCoreWatch {
    private static final Logger LOGGER = System.getLogger(NativeCoreWatch.class.getName());
    private static final Duration SILENCE = Duration.ofSeconds(10);

    private final Clock clock = new Clock();
    private volatile NativeCore core;

    @Activate
    @SuppressWarnings("FutureReturnValueIgnored") // the clock logs what fails
    void start() {
        clock.later(SILENCE, () -> {
            if (core == null) {
                LOGGER.log(
                        Level.WARNING,
                        "no region can be opened, and there is no service RegionManager until one can: there is no native"
                                + " core. Start the bundle org.vellum.nativelib, and JNA (com.sun.jna) that it needs; if it"
                                + " is started, the log says what it misses here");
            }
        });
    }

    @Deactivate
    void stop() {
        clock.close();
    }

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    void bindCore(NativeCore arrived) {
        core = arrived;
    }

    void unbindCore(NativeCore gone) {
        if (core == gone) {
            core = null;
        }
    }
}
