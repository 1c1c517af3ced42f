// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.consumer;

import java.nio.ByteBuffer;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;

/** Shares the configured region {@code orders} with whoever else refers to it. */
@Component
public final class ConfiguredOrderBook implements OrderBook {
    private final Region orders;
    private final ByteBuffer slots;

    @Activate
    public ConfiguredOrderBook(@Reference(target = "(" + Region.NAME_PROPERTY + "=orders)") Region orders) {
        this.orders = orders;
        slots = orders.buffer(0, 4096);
    }

    @Override
    public void note(int slot, long order) {
        slots.putLong(slot * Long.BYTES, order);
    }

    @Override
    public long order(int slot) {
        return slots.getLong(slot * Long.BYTES);
    }

    @Override
    public long address() {
        return orders.address();
    }

    @Override
    public long size() {
        return orders.size();
    }
}
