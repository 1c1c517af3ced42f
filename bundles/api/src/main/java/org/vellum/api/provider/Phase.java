// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

/** The phases in which a crash can find a region; what the crash test spreads its kills over. */
public enum Phase {
    /** None of those below: the application stores. */
    STORE,
    /** The gate is closed, the dirty set is taken and encoded. */
    CUT,
    /** The batch is written to the log. */
    APPEND,
    /** The log is made durable. */
    PERSIST,
    /** The committed view takes over the batch. */
    HOME_UPDATE,
    /** The home image is written back and the log recycled (in the background). */
    TRIM,
    /** The log is replayed while the image is opened. */
    RECOVERY
}
