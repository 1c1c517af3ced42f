// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.consumer;

/** A service that exists exactly as long as the configured region {@code orders} is open. */
public interface OrderBook {
    /** Notes an order number in a slot, without committing. */
    void note(int slot, long order);

    /** The order number in a slot; 0 if none was noted. */
    long order(int slot);

    /** Where the region is that this bundle was given. */
    long address();

    /** Its size in bytes. */
    long size();
}
