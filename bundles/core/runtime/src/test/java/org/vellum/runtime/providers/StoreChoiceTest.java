// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Store;
import org.vellum.runtime.testing.NamedStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** In which store a region is opened, whatever stores are there, in whatever order they came. */
class StoreChoiceTest {
    private static final RegionOptions AUTO = RegionOptions.size(4096);

    @TempDir
    Path folder;

    private final Offers<Store> stores = new Offers<>(Axis.STORE, Store.class);
    private final NamedStore file = new NamedStore("file", "/regions");
    private final NamedStore dax = new NamedStore("dax", "/pmem");
    private final NamedStore memory = new NamedStore("memory", "/memory");
    private StoreRecords records;
    private long nextId = 1;

    @BeforeEach
    void recordsInAFolder() {
        records = new StoreRecords(List.of(folder));
    }

    private void comes(NamedStore store) {
        int ranking = store == dax ? -100 : store == memory ? -200 : 0;
        stores.put(store, store.properties(store != memory, ranking, nextId++));
    }

    private Store choose(RegionOptions options, boolean settled) {
        return new StoreChoice("region 'orders'", "orders", options, stores).choose(records, settled);
    }

    private Store choose(RegionOptions options) {
        return choose(options, true);
    }

    private String missing(RegionOptions options) {
        return assertThrows(ProviderMissingException.class, () -> choose(options))
                .getMessage();
    }

    @Test
    void inEveryOrderOfTheStoresAnExistingRegionIsOpenedWhereItIsAndInNoOtherMeanwhile() {
        file.images.add("orders");
        records.remember("orders", null, "file");
        for (List<NamedStore> order : orders(List.of(file, dax, memory))) {
            for (NamedStore store : List.of(file, dax, memory)) {
                stores.remove(store);
            }
            for (NamedStore store : order) {
                comes(store);
                if (stores.all().stream().anyMatch(offer -> offer.service() == file)) {
                    assertSame(file, choose(AUTO, false), order.toString());
                } else {
                    assertTrue(missing(AUTO).contains("it is in store 'file'")
                            || missing(AUTO).contains("takes none of the stores"));
                }
            }
        }
    }

    private static List<List<NamedStore>> orders(List<NamedStore> some) {
        if (some.isEmpty()) {
            return List.of(List.of());
        }
        List<List<NamedStore>> all = new ArrayList<>();
        for (NamedStore first : some) {
            List<NamedStore> others =
                    some.stream().filter(other -> other != first).toList();
            for (List<NamedStore> rest : orders(others)) {
                all.add(Stream.concat(Stream.of(first), rest.stream()).toList());
            }
        }
        return all;
    }

    @Test
    void aStoreThatForgetsIsNeverTakenByItself() {
        comes(memory);

        assertTrue(missing(AUTO).contains("'memory': what is committed to it does not outlive the process"));
        assertSame(memory, choose(AUTO.withStore("memory")));
    }

    @Test
    void aStoreThatForgetsIsNotTakenForItsOwnRegionEither() {
        memory.images.add("orders");
        comes(memory);
        comes(file);

        assertTrue(missing(AUTO).contains("it is in store 'memory'"), missing(AUTO));
        assertSame(memory, choose(AUTO.withStore("memory")));
    }

    @Test
    void aStoreThatDoesNotSayThatItIsDurableHasToBeNamed() {
        NamedStore tape = new NamedStore("tape", "/tape");
        stores.put(tape, tape.properties(null, 1000, 1));

        assertTrue(missing(AUTO)
                .contains("'tape': it does not say that it is durable (service property " + Store.DURABLE_PROPERTY));
        assertSame(tape, choose(AUTO.withStore("tape")));
        comes(file);
        assertSame(file, choose(AUTO));
    }

    @Test
    void anEmulatedMediumIsNeverTakenByItself() {
        dax.obstacleToAuto = "EMULATED: /pmem is no persistent memory";
        comes(dax);
        assertTrue(missing(AUTO).contains("'dax': EMULATED"), missing(AUTO));

        dax.images.add("orders");
        assertTrue(missing(AUTO).contains("it is in store 'dax'"), missing(AUTO));
        records.remember("orders", null, "file");
        assertTrue(
                missing(AUTO).contains("it was opened last by store 'file': start the bundle that provides that one"));
        assertSame(dax, choose(AUTO.withStore("dax")));
    }

    @Test
    void theBetterDurableStoreIsTakenForANewRegionAndAmongEqualsTheFirstByName() {
        comes(dax);
        comes(file);
        assertSame(file, choose(AUTO));

        NamedStore archive = new NamedStore("archive", "/archive");
        stores.put(archive, archive.properties(true, 0, 99));
        assertSame(archive, choose(AUTO));
    }

    @Test
    void aNewRegionWaitsUntilNoStoreHasComeForAMomentAndANamedOneDoesNot() {
        comes(dax);

        assertThrows(StillStartingException.class, () -> choose(AUTO, false));
        assertSame(dax, choose(AUTO.withStore("dax"), false));
        assertSame(dax, choose(AUTO, true));
    }

    @Test
    void aRegionInTwoStoresIsNobodysGuess() {
        file.images.add("orders");
        dax.images.add("orders");
        comes(dax);
        comes(file);

        String message =
                assertThrows(InvalidRegionException.class, () -> choose(AUTO)).getMessage();
        assertTrue(
                message.contains("is in two stores, store 'file', folder /regions and store 'dax', folder /pmem"),
                message);
        assertSame(dax, choose(AUTO.withStore("dax")));
    }

    @Test
    void twoStoresOnTheSameFilesHaveOneRegionAndTheOneThatHadItLastOpensIt() {
        NamedStore sameFiles = new NamedStore("dax", "/regions", "orders");
        file.images.add("orders");
        comes(file);
        stores.put(sameFiles, sameFiles.properties(true, -100, 7));
        assertSame(file, choose(AUTO));

        records.remember("orders", null, "dax");
        assertSame(sameFiles, choose(AUTO));
    }

    @Test
    void anExistingRegionIsNotCreatedAnewInAStoreThatWasNamed() {
        file.images.add("orders");
        comes(file);
        comes(dax);
        comes(memory);

        String message = assertThrows(InvalidRegionException.class, () -> choose(AUTO.withStore("dax")))
                .getMessage();
        assertTrue(message.contains("exists in store 'file', folder /regions"), message);
        assertSame(memory, choose(AUTO.withStore("memory")), "who names it wants no data kept");
    }

    @Test
    void aRegionWhoseStoreIsNotThereIsCreatedInNoOther() {
        records.remember("orders", null, "file");
        comes(dax);

        String message = missing(AUTO);
        assertTrue(
                message.contains("it is in store 'file', as " + folder.resolve("orders.vellum-store") + " says"),
                message);
        assertTrue(message.contains("start the bundle that provides it"), message);
        assertTrue(missing(AUTO.withStore("dax")).contains("it is in store 'file'"));
    }

    @Test
    void aRegionThatItsStoreHasNotAnyMoreIsCreatedThere() {
        records.remember("orders", null, "dax");
        comes(dax);
        comes(file);

        assertSame(dax, choose(AUTO, false));
    }

    @Test
    void aRegionThatWentToAStoreThatIsNotThereIsNotCreated() {
        file.departed.add("orders");
        comes(file);
        assertThrows(StillStartingException.class, () -> choose(AUTO, false));
        assertSame(file, choose(AUTO), "which says where it went");

        dax.images.add("orders");
        comes(dax);
        assertSame(dax, choose(AUTO));
    }

    @Test
    void whatWasNotedSurvivesARestartAndIsInTheFolderOfARegionThatNamesOne() throws IOException {
        Path own = Files.createDirectory(folder.resolve("own"));
        records.remember("orders", own, "dax");
        records.remember("stock", null, "file");

        StoreRecords restarted = new StoreRecords(List.of(folder));
        assertEquals("dax", restarted.of("orders", own).orElseThrow().store());
        assertEquals(
                own.resolve("orders.vellum-store"),
                restarted.of("orders", own).orElseThrow().file());
        assertTrue(restarted.of("orders", null).isEmpty());
        assertEquals("file", restarted.of("stock", null).orElseThrow().store());
    }

    @Test
    void aRecordThatCannotBeReadIsNamedAndOnlyWhereItIsNeeded() throws IOException {
        Files.writeString(folder.resolve("orders.vellum-store"), "stor=file");
        comes(dax);
        comes(file);

        String message = assertThrows(RegionException.class, () -> choose(AUTO)).getMessage();
        assertTrue(message.contains("orders.vellum-store") && message.contains("delete it"), message);
        file.images.add("orders");
        assertSame(file, choose(AUTO));
    }

    @Test
    void recordsGoToTheNextFolderWhereTheFirstCannotBeWritten() throws IOException {
        Path noFolder = Files.writeString(folder.resolve("file"), "in the way");
        StoreRecords fallingBack = new StoreRecords(List.of(noFolder.resolve("regions"), folder.resolve("second")));
        fallingBack.remember("orders", null, "file");

        assertEquals(
                folder.resolve("second/orders.vellum-store"),
                fallingBack.of("orders", null).orElseThrow().file());
    }
}
