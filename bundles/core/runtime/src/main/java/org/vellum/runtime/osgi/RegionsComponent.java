// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.io.File;
import java.lang.System.Logger.Level;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.RegionManager;
import org.vellum.api.provider.DeleteCallsModify;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Settings;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreFolder;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.ProviderDiagnosis;
import org.vellum.runtime.providers.StoreRecords;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.EventSink;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;

/**
 * Follows the services that regions are made of.
 *
 * <p>{@link Regions}, and with it the region manager and configured regions, appear as soon as a region can be opened: there
 * are providers of every axis that fit each other and work on this host. So a component which refers to the region manager is
 * not activated, by the framework's only starting thread perhaps, before opening can work. A condition of the id
 * {@value RegionManager#CONDITION_ID} appears with them. They stay when an axis loses its last provider, for instance while
 * its bundle is updated; an {@code open} meanwhile waits a while. While they are not there for longer, the log says once what
 * is missing.
 *
 * <p>A configuration that changes closes nothing, and a value that cannot be used changes nothing ({@link Settings}).
 *
 * <p>The providers are followed dynamically and the native core statically: a provider takes its regions with it, the
 * core all of them, before its own bundle releases its native code. That holds because Declarative Services
 * unregisters a component's service, and calls us, before it deactivates the component.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = RegionsComponent.PID)
@DeleteCallsModify
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.runtime.registry.Regions'")
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.api.provider.Diagnosis'")
@Designate(ocd = RegionsComponent.Configuration.class)
public final class RegionsComponent {
    static final String PID = "org.vellum.runtime";

    /** Configuration of the runtime, PID {@value #PID}. */
    @ObjectClassDefinition(name = "Vellum runtime", description = "How persistent regions are opened")
    public @interface Configuration {
        /** Milliseconds that opening a region waits for providers that work. */
        @AttributeDefinition(
                name = "Wait for providers",
                description =
                        "Milliseconds that opening a region waits for providers that work and that its selectors allow",
                min = "0")
        long providerWait() default DEFAULT_PROVIDER_WAIT;
    }

    private static final System.Logger LOGGER = System.getLogger(RegionsComponent.class.getName());

    private static final long DEFAULT_PROVIDER_WAIT = 5000;
    /** Bundles that are started one after the other bring their providers at shorter intervals. */
    private static final Duration SETTLING = Duration.ofMillis(300);

    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

    private final Regions regions;
    private final PhaseObservers observers = new PhaseObservers();
    private final AtomicReference<EventSink> events = new AtomicReference<>();
    private final ServiceRegistration<Diagnosis> diagnosis;
    private final Settings settings = new Settings(PID);
    private final ServiceOffer offer;
    private final OrderlyEnd end;

    /** Of the configuration. Guarded by this component's monitor. */
    private long providerWait = DEFAULT_PROVIDER_WAIT;

    @Activate
    public RegionsComponent(BundleContext context, @Reference NativeCore core, Map<String, Object> properties) {
        this.regions = new Regions(
                new RuntimeServices(core, observers, this::post, CLOSE_PATIENCE),
                DEFAULT_PROVIDER_WAIT,
                new StoreRecords(recordFolders(context)),
                SETTLING);
        configure(properties);
        offer = new ServiceOffer(context, regions);
        regions.addArrivalListener(offer::offer);
        end = new OrderlyEnd(context, offer::withdraw, offer::offer);
        diagnosis = context.registerService(
                Diagnosis.class, new ProviderDiagnosis(regions::providers, settings::findings), null);
        offer.offer();
    }

    /** The folder of regions that name none, as stores that keep files have it; else this bundle's own. */
    private static List<Path> recordFolders(BundleContext context) {
        List<Path> folders = new ArrayList<>();
        try {
            folders.add(StoreFolder.chosen("", context.getProperty(StoreFolder.PROPERTY)));
        } catch (InvalidPathException e) {
            LOGGER.log(Level.WARNING, "the property {0} is no path: {1}", StoreFolder.PROPERTY, e.getMessage());
        }
        File own = context.getDataFile("stores");
        if (own != null) {
            folders.add(own.toPath());
        }
        return folders;
    }

    @Modified
    synchronized void configure(Map<String, Object> properties) {
        providerWait =
                settings.value(properties, "providerWait", DEFAULT_PROVIDER_WAIT, providerWait, Settings.atLeast(0));
        regions.setProviderWait(providerWait);
    }

    @Deactivate
    public void stop() {
        end.close();
        diagnosis.unregister();
        offer.stop();
        regions.stop();
    }

    private void post(String topic, Map<String, Object> properties) {
        EventSink sink = events.get();
        if (sink == null) {
            return;
        }
        try {
            sink.post(topic, properties);
        } catch (RuntimeException e) { // such as an Event Admin that is stopping; no reason to fail a commit
            LOGGER.log(Level.WARNING, "event " + topic + " was not posted", e);
        }
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindVmm(Vmm vmm, Map<String, Object> properties) {
        regions.providerArrived(Axis.VMM, vmm, properties);
    }

    void updatedVmm(Vmm vmm, Map<String, Object> properties) {
        regions.providerArrived(Axis.VMM, vmm, properties);
    }

    void unbindVmm(Vmm vmm) {
        regions.providerLeaves(Axis.VMM, vmm);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindPageTable(PageTable pageTable, Map<String, Object> properties) {
        regions.providerArrived(Axis.PAGE_TABLE, pageTable, properties);
    }

    void updatedPageTable(PageTable pageTable, Map<String, Object> properties) {
        regions.providerArrived(Axis.PAGE_TABLE, pageTable, properties);
    }

    void unbindPageTable(PageTable pageTable) {
        regions.providerLeaves(Axis.PAGE_TABLE, pageTable);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindStrategy(Strategy strategy, Map<String, Object> properties) {
        regions.providerArrived(Axis.STRATEGY, strategy, properties);
    }

    void updatedStrategy(Strategy strategy, Map<String, Object> properties) {
        regions.providerArrived(Axis.STRATEGY, strategy, properties);
    }

    void unbindStrategy(Strategy strategy) {
        regions.providerLeaves(Axis.STRATEGY, strategy);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindStore(Store store, Map<String, Object> properties) {
        regions.providerArrived(Axis.STORE, store, properties);
    }

    void updatedStore(Store store, Map<String, Object> properties) {
        regions.providerArrived(Axis.STORE, store, properties);
    }

    void unbindStore(Store store) {
        regions.providerLeaves(Axis.STORE, store);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindPhaseObserver(PhaseObserver observer) {
        observers.add(observer);
    }

    void unbindPhaseObserver(PhaseObserver observer) {
        observers.remove(observer);
    }

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    void bindEventSink(EventSink sink) {
        events.set(sink);
    }

    void unbindEventSink(EventSink sink) {
        events.compareAndSet(sink, null);
    }
}
