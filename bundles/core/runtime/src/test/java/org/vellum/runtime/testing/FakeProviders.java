// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.osgi.framework.Constants;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;

/** Providers that are names and nothing more. */
public final class FakeProviders {
    private FakeProviders() {}

    public static Map<String, Object> properties(String property, String name, int ranking, long id) {
        Map<String, Object> all = new HashMap<>(Map.of(
                property, name, Constants.SERVICE_RANKING, ranking, Constants.SERVICE_ID, id, "colour", name + "-ish"));
        if (property.equals(Store.PROPERTY)) {
            all.put(Store.DURABLE_PROPERTY, true);
        }
        return all;
    }

    public static Vmm vmm(String name) {
        return new Vmm() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public long operations() {
                return 1;
            }
        };
    }

    public static PageTable pageTable(
            String name, BiPredicate<PageTable, Vmm> worksWith, Function<Tracking, Optional<String>> obstacle) {
        return new PageTable() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public long operations() {
                return 2;
            }

            @Override
            public boolean worksWith(Vmm vmm) {
                return worksWith.test(this, vmm);
            }

            @Override
            public Optional<String> obstacleTo(Tracking tracking) {
                return obstacle.apply(tracking);
            }

            @Override
            public List<PageTableEntry> levels(long address) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void walk(long address, long length, Visitor visitor) {
                throw new UnsupportedOperationException();
            }

            @Override
            public Optional<String> meaning(PageTableEntry leaf) {
                throw new UnsupportedOperationException();
            }
        };
    }

    public static Strategy strategy(String name, Tracking tracking) {
        return new Strategy() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public long operations() {
                return 3;
            }

            @Override
            public Tracking tracking() {
                return tracking;
            }
        };
    }
}
