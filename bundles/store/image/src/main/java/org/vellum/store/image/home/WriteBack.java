// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.file.Path;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.medium.FileFailure;

/**
 * Brings the home image to an epoch, durably, and only then lets the checkpoint say so. The one way in which the log is
 * emptied: by the trimmer, by recovery, and by close.
 */
public final class WriteBack {
    private final HomeImage home;
    private final CommittedView view;
    /** Where the next open looks for the home image. */
    private final Path name;

    public WriteBack(HomeImage home, CommittedView view, Path name) {
        this.name = name;
        this.home = home;
        this.view = view;
    }

    /** Fails if the home image is not where the next open looks for it. */
    public void requireHome() throws FileFailure {
        home.file().requireNamed(name);
    }

    /**
     * @param pages all pages that epochs behind the last checkpoint, up to {@code epoch}, have changed
     * @param epoch durable, and applied to the view
     * @param generation where the log goes on behind {@code epoch}
     * @param state of the image from now on
     * @throws FileFailure home may hold any part of it; the log still has everything. Keep the pages for the next try
     */
    public void run(PageSet pages, long epoch, long generation, Checkpoint.State state) throws FileFailure {
        if (pages.next(0) >= 0) {
            home.writePages(pages, view.address());
        }
        home.writeCheckpoint(home.checkpoint().next(state, epoch, generation, view.highestEpoch()));
    }
}
