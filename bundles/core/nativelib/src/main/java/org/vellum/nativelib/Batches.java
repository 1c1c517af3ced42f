// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import java.util.function.LongConsumer;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Batches, the changed lines of one epoch, as {@code native/include/vellum/batch.h} describes them. Their memory is the
 * caller's, who keeps other threads from changing it during a call.
 */
@ProviderType
public interface Batches {
    /** Shows each page of the batch that a cut wrote, by its number. */
    void forEachPage(long batch, long length, LongConsumer page);

    /**
     * Copies the batch's lines to an image.
     *
     * @return 0, or a negative errno: EBADMSG for an entry out of the image's bounds, and nothing was copied
     */
    int apply(long batch, long length, long image, long imageLength);
}
