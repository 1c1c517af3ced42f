// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import org.osgi.annotation.versioning.ProviderType;

/**
 * An open section of a region, closed by the thread that opened it; see {@link Region#section()}. Idempotent.
 *
 * <p>One that is never closed, because its thread has ended or nobody holds this object any more, is <em>abandoned</em>: from
 * then on nobody waits for it, and commits are refused until somebody decides about its stores ({@link
 * AbandonedSectionException}).
 */
@ProviderType
public interface Section extends AutoCloseable {
    @Override
    void close();
}
