// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.consumer;

import org.vellum.api.Region;
import org.vellum.api.RegionOptions;

/** An application that keeps its notes in regions of its own, opened through the {@code RegionManager} it refers to. */
public interface Notebook {
    /** Opens a region on behalf of the consumer bundle, which therefore owns it. */
    Region open(String name, RegionOptions options);
}
