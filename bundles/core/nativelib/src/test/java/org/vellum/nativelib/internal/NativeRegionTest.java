// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCallException;
import org.vellum.nativelib.NativeRegion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A region's object: what it does when it is closed, and what a refusal is. */
class NativeRegionTest {
    private static final long SIZE = 1 << 20;

    private static JnaNativeCore core;

    @BeforeAll
    static void load() {
        core = new JnaNativeCore();
    }

    @AfterAll
    static void unload() {
        core.close();
    }

    @Test
    void aClosedRegionRefusesEveryCallButClose() {
        int home = core.files().inMemory("home");
        assertEquals(0, core.files().truncate(home, SIZE));
        long committed = core.files().mapPrivate(home, 0, SIZE);
        NativeRegion region = core.regions().create(core.ranges().reserve(0, SIZE, 1), SIZE, home, 0, committed);
        assertTrue(region.batchCapacity() > SIZE);
        assertTrue(region.counters().blockSize() > 0);
        region.close();
        region.close();
        assertThrows(IllegalStateException.class, region::counters);
        assertThrows(IllegalStateException.class, region::refuseStores);
        assertThrows(IllegalStateException.class, region::rollback);
        assertThrows(IllegalStateException.class, () -> region.cut(0));
        assertThrows(IllegalStateException.class, () -> region.attach(0, 0, 0));
        core.memory().unmap(committed, SIZE);
        core.files().close(home);
    }

    @Test
    void aRefusalHasTheCallAndTheErrno() {
        long base = core.ranges().reserve(0, SIZE, 2);
        NativeCallException refusal =
                assertThrows(NativeCallException.class, () -> core.regions().create(base, SIZE, -1, 0, 0));
        assertEquals("vellum_region_create", refusal.call());
        assertEquals(9, refusal.errno());
        assertEquals("vellum_region_create: " + Errno.describe(9), refusal.getMessage());
        core.ranges().retire(base, SIZE);
    }
}
