// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.wiring.FrameworkWiring;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.WantedRegion;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vellum.test.stack.Messages.assertNames;

/** Bundles that come in another order, late, or not at all; and configurations that are changed while regions are open. */
class BundleOrderIT {
    private static final String EMULATE = "vellum.dax.emulate";
    private static final String DIRECTORY = "vellum.directory";
    private static final long PATIENCE_SECONDS = 600;
    private static final List<String> STORES =
            List.of("org.vellum.store.file", "org.vellum.store.dax", "org.vellum.store.memory");

    @TempDir
    Path folder;

    private final List<String> logged = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            logged.add(entry.getLevel() + ": " + entry.getMessage() + " "
                    + (entry.getParameters() == null ? "" : Arrays.toString(entry.getParameters())));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };
    private static final Logger VELLUM = Logger.getLogger("org.vellum");

    private Stack stack;

    @BeforeEach
    void start() {
        System.setProperty(EMULATE, "true");
        System.setProperty(DIRECTORY, folder.resolve("regions").toString());
        VELLUM.addHandler(handler);
        stack = Stack.start();
    }

    @AfterEach
    void stop() {
        VELLUM.removeHandler(handler);
        System.clearProperty(EMULATE);
        System.clearProperty(DIRECTORY);
        stack.close();
    }

    private Bundle bundle(String name) {
        return Stream.of(stack.context().getBundles())
                .filter(bundle -> name.equals(bundle.getSymbolicName()))
                .findFirst()
                .orElseThrow();
    }

    private void stop(String... names) throws Exception {
        for (String name : names) {
            bundle(name).stop();
        }
    }

    private void start(String... names) throws Exception {
        for (String name : names) {
            bundle(name).start();
        }
    }

    private static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadline, "never: " + what);
            Thread.sleep(10);
        }
    }

    private Configuration configure(String region) throws Exception {
        Configuration configuration = stack.service(ConfigurationAdmin.class)
                .getFactoryConfiguration(RegionManager.CONFIGURATION_PID, region, "?");
        configuration.update(new Hashtable<>(Map.of("size", "1 MiB")));
        return configuration;
    }

    private void set(String pid, Map<String, Object> properties) throws Exception {
        stack.service(ConfigurationAdmin.class).getConfiguration(pid, "?").update(new Hashtable<>(properties));
    }

    /** One after the other: of two changes in a row Config Admin may deliver the second alone. */
    private void refused(String pid, String key, String value) throws Exception {
        set(pid, Map.of(key, value));
        until(
                "it is said of " + value,
                () -> logged.stream()
                        .anyMatch(line ->
                                line.contains("configuration " + pid + ": " + key + " '" + value + "' is refused: ")
                                        && line.contains("stays in force")));
    }

    /** Null: there is none now. */
    private Region service(String name) throws Exception {
        for (ServiceReference<Region> reference :
                stack.context().getServiceReferences(Region.class, "(region.name=" + name + ")")) {
            return stack.context().getService(reference);
        }
        return null;
    }

    private Region await(String name) throws Exception {
        until("region " + name + " is open: " + logged, () -> service(name) != null);
        return service(name);
    }

    private boolean hasManager() {
        return stack.context().getServiceReference(RegionManager.class) != null;
    }

    private void commit(Region region, long value) {
        region.buffer(0, 8).putLong(0, value);
        region.commit();
    }

    private static List<List<String>> orders(List<String> some) {
        if (some.isEmpty()) {
            return List.of(List.of());
        }
        List<List<String>> all = new ArrayList<>();
        for (String first : some) {
            List<String> others =
                    some.stream().filter(other -> !other.equals(first)).toList();
            for (List<String> rest : orders(others)) {
                all.add(Stream.concat(Stream.of(first), rest.stream()).toList());
            }
        }
        return all;
    }

    @Test
    void inEveryOrderOfTheStoresARegionWithDataIsOpenedWhereItsDataIs() throws Exception {
        Configuration configuration = configure("orders");
        long epochs = 1;
        commit(await("orders"), 1);
        for (List<String> order : orders(STORES)) {
            configuration.delete();
            until("it is closed", () -> service("orders") == null);
            stop(STORES.toArray(String[]::new));
            configuration = configure("orders");
            boolean fileIsThere = false;
            for (String store : order) {
                start(store);
                fileIsThere |= store.equals("org.vellum.store.file");
                if (!fileIsThere) {
                    // longer than providers are given to come together
                    until("it is looked for", () -> !stack.regions().wanted().isEmpty());
                    Thread.sleep(400);
                    assertEquals(null, service("orders"), order.toString());
                    WantedRegion wanted = stack.regions().wanted().get(0);
                    assertEquals(WantedRegion.Obstacle.PROVIDER_MISSING, wanted.obstacle(), wanted.toString());
                }
            }
            Region region = await("orders");
            assertEquals("file", region.status().providers().store(), order.toString());
            assertEquals(epochs, region.buffer(0, 8).getLong(0), order.toString());
            commit(region, ++epochs);
            assertEquals(List.of(), stack.regions().wanted());
        }
    }

    @Test
    void aRefreshOfJnaLeavesAConfiguredRegionWhereItsDataIs() throws Exception {
        configure("orders");
        commit(await("orders"), 7);
        Region before = service("orders");

        CompletableFuture<Void> refreshed = new CompletableFuture<>();
        stack.context()
                .getBundle(0)
                .adapt(FrameworkWiring.class)
                .refreshBundles(List.of(bundle("com.sun.jna")), event -> refreshed.complete(null));
        refreshed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);

        until("it is open again", () -> service("orders") != null && service("orders") != before);
        Region region = service("orders");
        assertEquals("file", region.status().providers().store());
        assertEquals(7, region.buffer(0, 8).getLong(0));
    }

    @Test
    void anApplicationWaitsForTheStoreOfItsRegionAndIsToldWhichItIs() throws Exception {
        RegionOptions options = RegionOptions.size("1 MiB");
        try (Region region = stack.regions().open("orders", options)) {
            commit(region, 7);
        }
        stop("org.vellum.store.file");
        CompletableFuture<Region> opening =
                CompletableFuture.supplyAsync(() -> stack.regions().open("orders", options));
        Thread.sleep(400);
        assertFalse(opening.isDone());
        start("org.vellum.store.file");
        try (Region region = opening.get(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            assertEquals(7, region.buffer(0, 8).getLong(0));
        }

        set("org.vellum.runtime", Map.of("providerWait", 100));
        stop("org.vellum.store.file");
        until("the wait is short", () -> {
            long begin = System.nanoTime();
            ProviderMissingException failure = assertThrows(
                    ProviderMissingException.class, () -> stack.regions().open("orders", options));
            assertNames(
                    failure,
                    "region 'orders': it is in store 'dax'",
                    "EMULATED",
                    "it was opened last by store 'file': start the bundle that provides that one",
                    "(waited ");
            return System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(4);
        });
        assertNames(
                assertThrows(
                        ProviderMissingException.class, () -> stack.regions().open("new", options)),
                "'auto' takes none of the stores",
                "'dax': EMULATED",
                "'memory': what is committed to it does not outlive the process",
                "waited 100 ms");
    }

    @Test
    void withoutProvidersThatFitThereIsNoRegionManagerAndTheLogSaysWhy() throws Exception {
        stop("org.vellum.runtime", "org.vellum.vmm.host", "org.vellum.pagetable.guest");
        start("org.vellum.runtime");
        assertFalse(hasManager(), "no page table fits: VMM host is gone, page table guest too");
        until(
                "it is said",
                () -> logged.stream()
                        .anyMatch(line -> line.startsWith("WARNING: no region can be opened")
                                && (line.contains("there is no VMM backend") || line.contains("'kvm' with 'guest'"))));
        assertEquals(
                0,
                stack.context()
                                        .getServiceReferences(
                                                "org.osgi.service.condition.Condition",
                                                "(osgi.condition.id=org.vellum.regions)")
                                == null
                        ? 0
                        : 1);

        start("org.vellum.vmm.host");
        until("there is a manager", this::hasManager);
        assertTrue(stack.context()
                        .getServiceReferences(
                                "org.osgi.service.condition.Condition", "(osgi.condition.id=org.vellum.regions)")
                != null);
        stack.regions().open("orders", RegionOptions.size("1 MiB")).close();
    }

    @Test
    void aStoreThatRefusesEveryFolderIsNoStoreToStartWith() throws Exception {
        stop("org.vellum.runtime");
        stop(STORES.toArray(String[]::new));
        System.clearProperty(EMULATE);
        start("org.vellum.store.dax", "org.vellum.runtime");
        assertFalse(hasManager(), "there is no persistent memory here, or this test needs another host");

        start("org.vellum.store.file");
        until("there is a manager", this::hasManager);
        stack.regions().open("orders", RegionOptions.size("1 MiB")).close();
    }

    @Test
    void aConfigurationThatIsChangedWellOrBadlyTakesNothingAwayThatIsOpen() throws Exception {
        configure("configured");
        Region configured = await("configured");
        Region opened = stack.regions().open("opened", RegionOptions.size("1 MiB"));
        RegionManager manager = stack.regions();
        set("org.vellum.runtime", Map.of("providerWait", 1234L));
        refused("org.vellum.runtime", "providerWait", "soon");
        refused("org.vellum.runtime", "providerWait", "-1");
        set("org.vellum.store.file", Map.of("directory", folder.resolve("other").toString()));
        refused("org.vellum.store.file", "directory", "no\0path");
        refused("org.vellum.store.dax", "dax.emulate", "perhaps");
        long value = 0;
        for (String pid : List.of("org.vellum.runtime", "org.vellum.store.file", "org.vellum.store.dax")) {
            stack.service(ConfigurationAdmin.class).getConfiguration(pid, "?").delete();
        }
        Region later = stack.regions().open("later", RegionOptions.size("1 MiB"));
        for (Region region : List.of(configured, opened, later)) {
            commit(region, ++value);
            assertEquals("OPEN", region.status().state().name(), region.status().toString());
        }
        assertEquals(manager, stack.regions());
        assertTrue(Files.exists(folder.resolve("regions/opened.vellum")));
    }

    @Test
    void aRegionIsFoundAgainWhereItWasOpenedAfterItsStoreWasGivenAnotherFolderAndRestarted() throws Exception {
        Region region = stack.regions().open("orders", RegionOptions.size("1 MiB"));
        commit(region, 1);
        set("org.vellum.store.file", Map.of("directory", folder.resolve("other").toString()));
        until("new regions go to the other folder", () -> {
            try (Region other = stack.regions().open("elsewhere-" + System.nanoTime(), RegionOptions.size(4096))) {
                return Files.exists(folder.resolve("other").resolve(other.name() + ".vellum"));
            }
        });
        commit(region, 2);

        stop("org.vellum.store.file");
        start("org.vellum.store.file");

        until("it has its store", () -> region.status().state().name().equals("OPEN"));
        commit(region, 3);
        region.close();
        assertTrue(Files.exists(folder.resolve("regions/orders.vellum")));
        assertFalse(Files.exists(folder.resolve("other/orders.vellum")));
    }
}
