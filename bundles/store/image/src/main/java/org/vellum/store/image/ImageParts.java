// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import org.vellum.api.provider.PhaseObserver;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.WriteBack;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.Trimmer;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.StoreFiles;

/** What an {@link Opening} has put together, and an {@link Image} uses until it is closed. */
record ImageParts(
        NativeCore core,
        StoreFiles files,
        ImageFiles names,
        HomeImage home,
        CommittedView view,
        Log log,
        WriteBack writeBack,
        Trimmer trimmer,
        PhaseObserver observer) {
    /**
     * What UNAPPLIED means, as the beginning of a sentence: batches are applied one by one, so one epoch is missing.
     */
    String notApplied() {
        return "epoch " + log.epoch() + " is durable, but the committed view holds no more than epoch "
                + (log.epoch() - 1);
    }
}
