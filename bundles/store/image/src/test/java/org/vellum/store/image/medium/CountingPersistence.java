// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.util.List;
import org.vellum.nativelib.Persistence;

/** Does what another one does, and says so. */
record CountingPersistence(Persistence real, List<String> steps) implements Persistence {
    @Override
    public String name() {
        return real.name();
    }

    @Override
    public long address() {
        return real.address();
    }

    @Override
    public void store(long destination, long source, long length) {
        steps.add("store " + length);
        real.store(destination, source, length);
    }

    @Override
    public void store(long destination, byte[] source, int from, int length) {
        steps.add("store " + length);
        real.store(destination, source, from, length);
    }

    @Override
    public void storeWord(long destination, long value) {
        steps.add("store 8");
        real.storeWord(destination, value);
    }

    @Override
    public void writeBack(long start, long length, int point) {
        steps.add("write back " + length + " " + point);
        real.writeBack(start, length, point);
    }

    @Override
    public void fence(int point) {
        steps.add("fence " + point);
        real.fence(point);
    }
}
