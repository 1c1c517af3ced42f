// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;

/** A strategy of another name with the native half of one that is there, to be registered with a better ranking. */
final class Outranking implements Strategy {
    static final String NAME = "outranking";

    private final Strategy like;

    Outranking(Strategy like) {
        this.like = like;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public long operations() {
        return like.operations();
    }

    @Override
    public Tracking tracking() {
        return like.tracking();
    }
}
