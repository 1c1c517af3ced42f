// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.AddressTakenException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.nativelib.Errno;
import org.vellum.runtime.testing.Bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class OpeningTest {
    private final Bench bench = Bench.complete();

    private OpenRegion open(String name, RegionOptions options) {
        return bench.regions.open(name, options, Bench.OWNER);
    }

    private void assertNothingHeld() {
        assertEquals(0, bench.core.mappings(), "memory");
        assertEquals(List.of(), bench.core.heldRanges);
        assertEquals(List.of(), bench.core.heldRegions);
        assertEquals(0, bench.store.openImages.get(), "images");
        assertEquals(List.of(), bench.regions.regions());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "orders", "Orders_2.old-1", "9"})
    void namesOfTheseFormsAreAccepted(String name) {
        assertEquals(name, open(name, RegionOptions.size(4096)).name());
    }

    @ParameterizedTest
    @CsvSource({
        "'', is empty",
        "a/b, has characters",
        "../x, starts with a dot",
        "a\\b, has characters",
        ".hidden, starts with a dot",
        "a b, has characters",
        "grün, has characters"
    })
    void otherNamesAreRefused(String name, String complaint) {
        String message = assertThrows(InvalidRegionException.class, () -> open(name, RegionOptions.size(4096)))
                .getMessage();

        assertTrue(message.contains("'" + name + "'") && message.contains(complaint), message);
        assertEquals(List.of(), bench.store.requests);
    }

    @Test
    void namesHaveAtMost128Characters() {
        open("x".repeat(128), RegionOptions.size(4096));

        String message = assertThrows(
                        InvalidRegionException.class, () -> open("x".repeat(129), RegionOptions.size(4096)))
                .getMessage();

        assertTrue(message.contains("129 characters"), message);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, -4096, Long.MIN_VALUE})
    void sizesBelowOneAreRefused(long size) {
        assertThrows(InvalidRegionException.class, () -> RegionOptions.size(size));
    }

    @Test
    void sizesBeyondEveryAddressSpaceAreRefused() {
        String message = assertThrows(
                        InvalidRegionException.class, () -> open("orders", RegionOptions.size(Long.MAX_VALUE)))
                .getMessage();

        assertTrue(message.contains("region 'orders'") && message.contains("" + Long.MAX_VALUE), message);
        assertNothingHeld();
    }

    @ParameterizedTest
    @CsvSource({"1, 4096", "4095, 4096", "4097, 8192", "5000, 8192"})
    void sizesAreRoundedUpToPagesAndTheStatusSaysSo(long asked, long size) {
        OpenRegion region = open("orders", RegionOptions.size(asked));

        assertEquals(size, region.size());
        assertTrue(
                region.status().remarks().contains("size " + asked + " rounded up to " + size + " (page size 4096)"),
                region.status().remarks().toString());
    }

    @Test
    void aMultipleOfThePageSizeIsTakenAsItIs() {
        assertEquals(
                List.of("recovered to epoch 0"),
                open("orders", RegionOptions.size(8192)).status().remarks());
    }

    @Test
    void anExistingRegionKeepsItsSizeAndAddress() {
        OpenRegion first = open("orders", RegionOptions.size(8192));
        long address = first.address();
        first.close();

        assertEquals(address, open("orders", RegionOptions.size(5000)).address());
        bench.regions.region("orders").orElseThrow().close();
        assertEquals(8192, open("orders", RegionOptions.existing()).size());
    }

    @Test
    void anotherSizeThanTheImagesIsRefusedNamingBoth() {
        open("orders", RegionOptions.size(8192)).close();

        String message = assertThrows(InvalidRegionException.class, () -> open("orders", RegionOptions.size(12288)))
                .getMessage();

        assertTrue(message.contains("8192") && message.contains("12288"), message);
        assertNothingHeld();
    }

    @Test
    void anotherAddressThanTheImagesIsRefusedNamingBoth() {
        open("orders", RegionOptions.size(8192).withAddress(0x7000_0000L)).close();

        String message = assertThrows(
                        InvalidRegionException.class,
                        () -> open("orders", RegionOptions.existing().withAddress(0x8000_0000L)))
                .getMessage();

        assertTrue(message.contains("0x70000000") && message.contains("0x80000000"), message);
        assertNothingHeld();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 4095, -4096})
    void addressesThatAreNoPagesAreRefused(long address) {
        assertThrows(
                InvalidRegionException.class,
                () -> open("orders", RegionOptions.size(4096).withAddress(address)));
        assertEquals(List.of(), bench.store.requests);
    }

    @ParameterizedTest
    @ValueSource(strings = {"rangeReserve", "regionCreate", "regionAttach", "memoryMap"})
    void whateverNativeStepFailsNothingIsLeftBehind(String step) {
        bench.core.failing.add(step);
        bench.core.rangeResult = -Errno.ENOMEM;

        RegionException failure = assertThrows(RegionException.class, () -> open("orders", RegionOptions.size(4096)));

        assertTrue(failure.getMessage().contains("region 'orders'"), failure.getMessage());
        assertNothingHeld();
        assertEquals(4096, open("orders", RegionOptions.size(4096)).size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"open", "recordAddress"})
    void whateverStepOfTheStoreFailsNothingIsLeftBehind(String step) {
        bench.store.failing.add(step);

        assertThrows(RegionException.class, () -> open("orders", RegionOptions.size(4096)));

        assertNothingHeld();
        open("orders", RegionOptions.size(4096));
    }

    @Test
    void aFailureWhileTakingBackIsSuppressedByTheFirst() {
        bench.core.failing.add("regionAttach");
        bench.store.failing.add("close");

        RegionException failure = assertThrows(RegionException.class, () -> open("orders", RegionOptions.size(4096)));

        assertTrue(failure.getMessage().contains("the kernel says no"), failure.getMessage());
        assertEquals("close broke", failure.getSuppressed()[0].getMessage());
        assertNothingHeld();
    }

    @Test
    void aTakenAddressIsNamedWithWhatIsThere() throws IOException {
        bench.core.failing.add("rangeReserve");
        bench.core.rangeResult = -Errno.EEXIST;
        long stack = addressOfTheStack();

        String message = assertThrows(
                        AddressTakenException.class,
                        () -> open("orders", RegionOptions.size(4096).withAddress(stack)))
                .getMessage();

        assertTrue(message.contains("region 'orders'") && message.contains(Long.toHexString(stack)), message);
        assertTrue(message.contains("[stack]"), message);
        assertNothingHeld();
    }

    private static long addressOfTheStack() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            String stack =
                    lines.filter(line -> line.endsWith("[stack]")).findFirst().orElseThrow();
            return Long.parseLong(stack.substring(0, stack.indexOf('-')), 16);
        }
    }

    @Test
    void closeLetsGoOfEverythingOnceAndLaterCallsAreRefused() {
        OpenRegion region = open("orders", RegionOptions.size(4096));

        region.close();
        region.close();

        assertNothingHeld();
        assertEquals(
                "region 'orders' is closed",
                assertThrows(RegionClosedException.class, region::commit).getMessage());
        assertThrows(RegionClosedException.class, region::rollback);
        assertThrows(RegionClosedException.class, region::section);
        assertThrows(RegionClosedException.class, region::size);
        assertThrows(RegionClosedException.class, region::address);
        assertThrows(RegionClosedException.class, () -> region.buffer(0, 1));
        assertThrows(RegionClosedException.class, () -> region.atomically(() -> {}));
        assertThrows(RegionClosedException.class, () -> region.readFully(null, 0, 1));
        assertThrows(RegionClosedException.class, () -> region.writeFully(null, 0, 1));
        assertEquals("orders", region.name());
        assertFalse(region.isOpen());
        assertEquals(RegionStatus.State.CLOSED, region.status().state());
    }

    @Test
    void aStoreThatClosesBadlyStillFreesTheName() {
        OpenRegion region = open("orders", RegionOptions.size(4096));
        bench.store.failing.add("close");

        assertThrows(RegionException.class, region::close);

        assertNothingHeld();
        open("orders", RegionOptions.size(4096));
    }

    @ParameterizedTest
    @CsvSource({"-1, 1", "0, 4097", "4096, 1", "4095, 2", "9223372036854775807, 1", "0, -1"})
    void buffersOutsideTheRegionAreRefused(long offset, int length) {
        OpenRegion region = open("orders", RegionOptions.size(4096));

        assertThrows(IndexOutOfBoundsException.class, () -> region.buffer(offset, length));
    }

    @Test
    void buffersReachBothEndsInNativeOrder() {
        OpenRegion region = open("orders", RegionOptions.size(4096));

        assertEquals(4096, region.buffer(0, 4096).capacity());
        assertEquals(0, region.buffer(4096, 0).capacity());
        assertEquals(ByteOrder.nativeOrder(), region.buffer(0, 8).order());
    }
}
