// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.After;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.framework.wiring.FrameworkWiring;
import org.osgi.service.cm.Configuration;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.test.tool.ProcessResources;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

/**
 * A provider's bundle is updated to another version and refreshed, again and again, under a region that threads store
 * to: no store is lost, the region goes on with the new version, and of the old one nothing is left. The native core's
 * bundle too, which closes the region; of it the fault dispatcher stays, and what JNA keeps of classes that it mapped
 * directly.
 */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerClass.class)
public class UpdatedProvidersIT extends FelixTest {
    private static final int WARM_UP = 2;
    private static final int UPDATES = 12;
    /** Of the VMM: each ends a virtual machine and makes another, twice. */
    private static final int UPDATES_OF_VMM = 6;

    /** Of a second provider of an axis. */
    private static final int UPDATES_OF_ANOTHER = 4;

    private static final int UPDATES_OF_CORE = 3;
    /** What comes and goes by itself, such as the test harness's connections; fewer than any number of updates. */
    private static final int INCIDENTAL = 2;

    private static final long PATIENCE_SECONDS = 200;

    @After
    public void closeAllRegions() throws Exception {
        regions().regions().forEach(Region::close);
    }

    /**
     * A provider that is updated.
     *
     * @param operations gives an address in its native library; null: it has none
     */
    private record Provider<T>(
            String bundle, Class<T> type, String property, String name, Function<T, Long> operations) {
        private String filter() {
            return "(" + property + "=" + name + ")";
        }
    }

    /** What one revision of a provider is made of, without a reference that keeps it. */
    private record Revision(int number, WeakReference<ClassLoader> loader, ProviderRevision.Library library) {}

    @Test
    @NeedsGuestMode
    public void aVmm() throws Exception {
        update(
                new Provider<>("org.vellum.vmm.kvm", Vmm.class, Vmm.PROPERTY, "kvm", Vmm::operations),
                RegionOptions.size("1 MiB").withVmm("kvm"),
                UPDATES_OF_VMM);
    }

    @Test
    public void theVmmOfTheHost() throws Exception {
        update(
                new Provider<>("org.vellum.vmm.host", Vmm.class, Vmm.PROPERTY, "host", Vmm::operations),
                RegionOptions.size("1 MiB").withVmm("host"),
                UPDATES_OF_ANOTHER);
    }

    @Test
    @NeedsGuestMode
    public void theGuestsPageTable() throws Exception {
        update(
                new Provider<>(
                        "org.vellum.pagetable.guest",
                        PageTable.class,
                        PageTable.PROPERTY,
                        "guest",
                        PageTable::operations),
                RegionOptions.size("1 MiB").withVmm("kvm"),
                UPDATES_OF_ANOTHER);
    }

    @Test
    public void theStrategyDirtyBit() throws Exception {
        update(
                new Provider<>(
                        "org.vellum.strategy.dirtybit",
                        Strategy.class,
                        Strategy.PROPERTY,
                        "dirty-bit",
                        Strategy::operations),
                RegionOptions.size("1 MiB").withVmm("host").withStrategy("dirty-bit"),
                UPDATES_OF_ANOTHER);
    }

    @Test
    public void theStoreDax() throws Exception {
        log.expect("EMULATED");
        Configuration configuration = configurations.getConfiguration("org.vellum.store.dax", null);
        configuration.update(new Hashtable<>(Map.of("dax.emulate", true)));
        try {
            Await.until(
                    "the store emulates",
                    () -> opens("emulated", RegionOptions.size("1 MiB").withStore("dax")));
            update(
                    new Provider<>("org.vellum.store.dax", Store.class, Store.PROPERTY, "dax", null),
                    RegionOptions.size("1 MiB").withVmm("host").withStore("dax").withStrategy("dirty-bit"),
                    UPDATES_OF_ANOTHER);
        } finally {
            regions().regions().forEach(Region::close);
            configuration.delete();
        }
    }

    private boolean opens(String name, RegionOptions options) throws Exception {
        try {
            regions().open(name, options).close();
            return true;
        } catch (RegionException notYet) {
            return false;
        }
    }

    @Test
    public void aPageTable() throws Exception {
        update(
                new Provider<>(
                        "org.vellum.pagetable.host",
                        PageTable.class,
                        PageTable.PROPERTY,
                        "host",
                        PageTable::operations),
                RegionOptions.size("1 MiB").withVmm("host"),
                UPDATES);
    }

    @Test
    public void aStrategy() throws Exception {
        update(
                new Provider<>(
                        "org.vellum.strategy.writeprotect",
                        Strategy.class,
                        Strategy.PROPERTY,
                        "write-protect",
                        Strategy::operations),
                RegionOptions.size("1 MiB").withVmm("host").withStrategy("write-protect"),
                UPDATES);
    }

    @Test
    public void aStore() throws Exception {
        update(
                new Provider<>("org.vellum.store.file", Store.class, Store.PROPERTY, "file", null),
                RegionOptions.size("1 MiB").withVmm("host").withStore("file"),
                UPDATES);
    }

    private <T> void update(Provider<T> provider, RegionOptions options, int updates) throws Exception {
        log.expect("goes on with"); // degraded, for the moment between the two versions
        Bundle bundle = bundle(provider.bundle());
        Map<String, Long> before = Map.of();
        Region region = regions().open(provider.bundle(), options);
        String providers = region.status().providers().toString();
        try (Writers writers = new Writers(region)) {
            for (int number = 1; number <= WARM_UP + updates; number++) {
                Revision old = revision(provider, bundle);
                bundle.update(ProviderRevision.of(bundle, number));
                refresh(bundle);

                Await.until(
                        "the region is on the new version",
                        () -> region.status().state() == State.OPEN
                                && region.status().providers().toString().equals(providers));
                writers.awaitProgress();
                region.commit();
                assertEquals(number, revision(provider, bundle).number());
                assertNothingIsLeftOf(old);
                if (number == WARM_UP) {
                    before = ProcessResources.held();
                }
            }
            assertNothingHasGrown(before, updates);
            writers.check(region);
            region.commit();
            region.close();
            writers.check(regions().open(provider.bundle(), RegionOptions.existing()));
        }
    }

    @Test
    public void theNativeCore() throws Exception {
        log.expect("goes on with"); // the store may go first
        Bundle bundle = bundle("org.vellum.nativelib");
        RegionOptions options = RegionOptions.size("1 MiB").withVmm("host");
        ProviderRevision.Library dispatcher = ProviderRevision.Library.of(dispatcher());
        for (int number = 1; number <= UPDATES_OF_CORE; number++) {
            Region region = regions().open("core", options);
            assertEquals(number - 1, region.buffer(0, 8).getLong(0));
            region.buffer(0, 8).putLong(0, number);
            region.commit();
            region.buffer(0, 8).putLong(0, -1);
            ProviderRevision.Library old = core();
            assertEquals(number - 1, old.revision());

            bundle.update(ProviderRevision.of(bundle, number));
            refresh(bundle);

            assertFalse(region.isOpen());
            regions(); // when it is there again
            assertEquals(number, core().revision());
            assertFalse(old + " is mapped", old.isMapped());
            assertEquals(dispatcher, ProviderRevision.Library.of(dispatcher()));
        }
    }

    /** Where the dispatcher's code is, which the native core leaves for later revisions of itself. */
    private static long dispatcher() {
        return System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("org.vellum.dispatcher."))
                .mapToLong(Long::getLong)
                .findFirst()
                .orElseThrow();
    }

    /** The core's library, found by its SONAME as it is loaded already. */
    private static ProviderRevision.Library core() throws IOException {
        try (NativeLibrary library = NativeLibrary.getInstance("libvellum_core.so")) {
            return ProviderRevision.Library.of(Pointer.nativeValue(library.getFunction("vellum_core_abi_version")));
        }
    }

    private <T> Revision revision(Provider<T> provider, Bundle bundle) throws Exception {
        ServiceReference<T> reference = context.getServiceReferences(provider.type(), provider.filter())
                .iterator()
                .next();
        assertEquals(bundle, reference.getBundle());
        WeakReference<ClassLoader> loader = loader(bundle);
        if (provider.operations() == null) {
            Object number = reference.getProperty(ProviderRevision.PROPERTY);
            return new Revision(number == null ? 0 : (int) number, loader, null);
        }
        T service = context.getService(reference);
        try {
            var library = ProviderRevision.Library.of(provider.operations().apply(service));
            return new Revision(library.revision(), loader, library);
        } finally {
            context.ungetService(reference);
        }
    }

    private static WeakReference<ClassLoader> loader(Bundle bundle) {
        return new WeakReference<>(bundle.adapt(BundleWiring.class).getClassLoader());
    }

    private void refresh(Bundle bundle) throws InterruptedException {
        CountDownLatch refreshed = new CountDownLatch(1);
        FrameworkWiring framework =
                context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(FrameworkWiring.class);
        framework.refreshBundles(List.of(bundle), event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                refreshed.countDown();
            }
        });
        if (!refreshed.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("no refresh of " + bundle);
        }
    }

    private static void assertNothingIsLeftOf(Revision old) throws Exception {
        if (old.library() != null) {
            assertFalse(old.library() + " is mapped", old.library().isMapped());
        }
        Await.until("the class loader of revision " + old.number() + " is collected", () -> {
            System.gc();
            return old.loader().get() == null;
        });
    }

    private static void assertNothingHasGrown(Map<String, Long> before, int updates) throws IOException {
        ProcessResources.held().forEach((what, count) -> {
            long more = count - before.getOrDefault(what, 0L);
            assertTrue(more + " more of " + what + " after " + updates + " updates", more <= INCIDENTAL);
        });
    }
}
