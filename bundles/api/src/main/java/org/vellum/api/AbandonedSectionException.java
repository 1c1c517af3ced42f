// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/**
 * A commit was refused, because a section was abandoned: its thread has ended, or let go of it without closing it, or a body
 * of {@link Region#atomically} could not be rolled back. What was stored there may be half of a change. {@link
 * Region#rollback} takes it back, with every other store since the last commit; {@link Region#abandonSections} accepts it.
 */
public class AbandonedSectionException extends CommitException {
    private static final long serialVersionUID = 1;

    public AbandonedSectionException(String message) {
        super(message);
    }
}
