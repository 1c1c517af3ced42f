// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.io.ByteArrayInputStream;
import java.nio.channels.Channels;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.AddressTakenException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.test.tool.Folders;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vellum.test.stack.Messages.assertNames;

/** What cannot be done is refused with an error that names the thing, and leaves nothing behind. */
class BadInputIT {
    private static final long MEBIBYTE = 1 << 20;

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    private RegionOptions here(long size) {
        return RegionOptions.size(size).withDirectory(folder);
    }

    private Region open(String name, RegionOptions options) {
        return STACK.regions().open(name, options);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "-4096", "0 MiB", "-1 GiB"})
    void aSizeThatIsNotPositiveIsRefused(String size) {
        InvalidRegionException refusal =
                assertThrows(InvalidRegionException.class, () -> open("orders", RegionOptions.size(size)));
        assertNames(refusal, Long.toString(RegionOptions.parseSize(size)), "at least 1");
    }

    @Test
    void aSizeThatIsNoPageMultipleIsRoundedUpAndTheStatusSaysSo() {
        try (Region region = open("orders", here(5000))) {
            assertEquals(8192, region.size());
            assertTrue(
                    region.status().remarks().stream()
                            .anyMatch(remark -> remark.contains("5000") && remark.contains("8192")),
                    () -> region.status().remarks().toString());
            region.buffer(8191, 1).put(0, (byte) 7);
            region.commit();
        }
    }

    @Test
    void aSizeLargerThanTheFileSystemsFreeSpaceIsRefusedAndLeavesNothing() throws Exception {
        FileStore fileSystem = Files.getFileStore(folder);
        long size = (fileSystem.getUsableSpace() + (1L << 30)) & -4096;
        RegionException refusal = assertThrows(RegionException.class, () -> open("orders", here(size)));
        assertNames(refusal, "orders", folder.toString(), "bytes are needed", "are free");
        assertEquals(List.of(), Folders.files(folder));
        open("orders", here(MEBIBYTE)).close();
    }

    static List<String> unusableNames() {
        return List.of(
                "", " ", "a/b", "../orders", "a\\b", ".hidden", "a b", "or\0ders", "\u00e9t\u00e9", "x".repeat(129));
    }

    @ParameterizedTest
    @MethodSource("unusableNames")
    void anUnusableNameIsRefusedAndLeavesNothing(String name) throws Exception {
        InvalidRegionException refusal = assertThrows(InvalidRegionException.class, () -> open(name, here(MEBIBYTE)));
        assertNames(refusal, "name");
        assertEquals(List.of(), Folders.files(folder));
    }

    @Test
    void openingWhatDoesNotExistSaysWhereItWasLookedFor() throws Exception {
        InvalidRegionException refusal = assertThrows(
                InvalidRegionException.class,
                () -> open("orders", RegionOptions.existing().withDirectory(folder)));
        assertNames(refusal, "orders", folder.toString());
        assertEquals(List.of(), Folders.files(folder));
    }

    @Test
    void aProviderThatIsNotThereIsNamedWithItsAxis() {
        assertAll(
                () -> assertNames(
                        assertThrows(
                                ProviderMissingException.class,
                                () -> open("orders", here(MEBIBYTE).withStrategy("clairvoyance"))),
                        "orders",
                        "strategy",
                        "clairvoyance"),
                () -> assertNames(
                        assertThrows(
                                ProviderMissingException.class,
                                () -> open("orders", here(MEBIBYTE).withStore("papyrus"))),
                        "orders",
                        "store",
                        "papyrus"));
    }

    @Test
    void anAddressThatIsNotPageAlignedIsRefused() {
        InvalidRegionException refusal = assertThrows(
                InvalidRegionException.class,
                () -> open("orders", here(MEBIBYTE).withAddress(0x3123_4567_8901L)));
        assertNames(refusal, "orders", "312345678901");
    }

    @Test
    void anAddressThatSomethingElseUsesIsRefused() {
        NativeLong length = new NativeLong(MEBIBYTE);
        Pointer taken = LibC.INSTANCE.mmap(
                null,
                length,
                LibC.PROT_READ | LibC.PROT_WRITE,
                LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS,
                -1,
                new NativeLong(0));
        try {
            taken.setLong(0, 0x1234);
            long address = Pointer.nativeValue(taken);
            AddressTakenException refusal = assertThrows(
                    AddressTakenException.class,
                    () -> open("orders", here(MEBIBYTE).withAddress(address)));
            assertNames(refusal, "orders", Long.toHexString(address));
            assertEquals(0x1234, taken.getLong(0));
        } finally {
            LibC.INSTANCE.munmap(taken, length);
        }
    }

    @Test
    void aRegionWhoseAddressIsTakenInThisProcessOpensOnceItIsFree() throws Exception {
        long address;
        try (ScriptedChild elsewhere = ScriptedChild.open("orders", folder, RegionOptions.AUTO, MEBIBYTE)) {
            address = elsewhere.address();
            elsewhere.store(0, 77);
            elsewhere.commit();
        }
        NativeLong length = new NativeLong(4096);
        Pointer taken = LibC.INSTANCE.mmap(
                new Pointer(address + MEBIBYTE - 4096),
                length,
                LibC.PROT_READ | LibC.PROT_WRITE,
                LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | LibC.MAP_FIXED_NOREPLACE,
                -1,
                new NativeLong(0));
        RegionOptions existing = RegionOptions.existing().withDirectory(folder);
        try {
            AddressTakenException refusal = assertThrows(AddressTakenException.class, () -> open("orders", existing));
            assertNames(refusal, "orders", Long.toHexString(address));
        } finally {
            LibC.INSTANCE.munmap(taken, length);
        }
        try (Region region = open("orders", existing)) {
            assertEquals(address, region.address());
            assertEquals(77, region.buffer(0, 8).getLong(0));
        }
    }

    @Test
    void aRegionOpenInAnotherProcessIsRefusedWithThatProcessesId() throws Exception {
        try (ScriptedChild holder = ScriptedChild.open("orders", folder, RegionOptions.AUTO, MEBIBYTE)) {
            RegionBusyException refusal = assertThrows(RegionBusyException.class, () -> open("orders", here(MEBIBYTE)));
            assertNames(refusal, "orders", Long.toString(holder.pid()));
            holder.store(0, 1);
            holder.commit();
        }
        try (Region region = open("orders", here(MEBIBYTE))) {
            assertEquals(1, region.buffer(0, 8).getLong(0));
        }
    }

    @Test
    void aRegionOpenInThisProcessIsRefusedASecondTime() {
        try (Region region = open("orders", here(MEBIBYTE))) {
            RegionBusyException refusal = assertThrows(RegionBusyException.class, () -> open("orders", here(MEBIBYTE)));
            assertNames(refusal, "orders");
            assertTrue(region.isOpen());
        }
        open("orders", here(MEBIBYTE)).close();
    }

    @Test
    void aReadOnlyDirectoryIsRefusedAndNamed() throws Exception {
        try (ReadOnlyFolder readOnly = ReadOnlyFolder.make(folder.resolve("read-only"))) {
            Skip.unless(readOnly.refuses(), "aReadOnlyDirectoryIsRefusedAndNamed", readOnly.obstacle());
            RegionException refusal = assertThrows(
                    RegionException.class,
                    () -> open("orders", RegionOptions.size(MEBIBYTE).withDirectory(readOnly.path())));
            assertNames(refusal, "orders", readOnly.path().toString());
        }
    }

    @Test
    void aBufferBeyondTheRegionIsRefused() {
        try (Region region = open("orders", here(MEBIBYTE))) {
            assertThrows(IndexOutOfBoundsException.class, () -> region.buffer(MEBIBYTE - 8, 9));
            assertThrows(IndexOutOfBoundsException.class, () -> region.buffer(-1, 1));
            assertThrows(IndexOutOfBoundsException.class, () -> region.buffer(0, -1));
            assertThrows(IndexOutOfBoundsException.class, () -> region.buffer(Long.MAX_VALUE, 1));
            assertEquals(0, region.buffer(MEBIBYTE, 0).capacity());
        }
    }

    @Test
    void everyMethodThatNeedsTheRegionOpenRefusesAClosedOne() {
        Region region = open("orders", here(MEBIBYTE));
        region.buffer(0, 8).putLong(0, 5);
        long epoch = region.commit();
        region.close();
        region.close();

        List<Executable> refused = List.of(
                region::size,
                region::address,
                () -> region.buffer(0, 8),
                region::commit,
                region::rollback,
                region::section,
                () -> region.atomically(() -> {}),
                () -> region.readFully(Channels.newChannel(new ByteArrayInputStream(new byte[8])), 0, 8),
                () -> region.writeFully(Channels.newChannel(System.out), 0, 8));
        for (Executable method : refused) {
            assertNames(assertThrows(RegionClosedException.class, method), "orders", "closed");
        }
        assertEquals("orders", region.name());
        assertFalse(region.isOpen());
        assertEquals(RegionStatus.State.CLOSED, region.status().state());
        assertEquals(epoch, region.status().epoch());
    }
}
