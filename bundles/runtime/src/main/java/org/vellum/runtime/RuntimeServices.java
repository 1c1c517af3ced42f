package org.vellum.runtime;

import org.vellum.api.provider.PhaseObserver;
import org.vellum.nativelib.NativeCore;

/** What every region of the process shares. */
record RuntimeServices(NativeCore core, PhaseObserver observers, EventSink events) {}
