package org.vellum.runtime;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeCore;

/**
 * Follows the services that regions are made of.
 *
 * <p>{@link Regions}, and with it the region manager and configured regions, appear once every axis has had a
 * provider, so that a component which refers to the region manager is not activated, by the framework's only starting
 * thread perhaps, before opening can work. They stay when an axis loses its last provider, for instance while its
 * bundle is updated; an {@code open} meanwhile waits a while.
 *
 * <p>The providers are followed dynamically and the native core statically: a provider takes its regions with it, the
 * core all of them, before its own bundle releases its native code. That holds because Declarative Services
 * unregisters a component's service, and calls us, before it deactivates the component.
 */
@Component(service = {}, immediate = true, configurationPid = RegionsComponent.PID)
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.runtime.Regions'")
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.api.provider.Diagnosis'")
@Designate(ocd = RegionsComponent.Configuration.class)
public final class RegionsComponent {
    static final String PID = "org.vellum.runtime";

    /** Configuration of the runtime, PID {@value #PID}. */
    @ObjectClassDefinition(name = "Vellum runtime", description = "How persistent regions are opened")
    public @interface Configuration {
        /** Milliseconds that opening a region waits for an axis that has no provider at all. */
        @AttributeDefinition(
                name = "Wait for providers",
                description = "Milliseconds that opening a region waits for a kind of provider of which there is none",
                min = "0")
        long providerWait() default 5000;
    }

    private static final System.Logger LOGGER = System.getLogger(RegionsComponent.class.getName());

    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

    private final BundleContext context;
    private final Regions regions;
    private final PhaseObservers observers = new PhaseObservers();
    private final AtomicReference<EventSink> events = new AtomicReference<>();
    private final ServiceRegistration<Diagnosis> diagnosis;
    private final OrderlyEnd end;

    /** Guarded by this component's monitor. */
    private ServiceRegistration<Regions> registration;
    /** Guarded by this component's monitor. */
    private boolean registering;
    /** No services for now: something that regions rest on is about to go. Guarded by this component's monitor. */
    private boolean withdrawn;
    /** Guarded by this component's monitor. */
    private boolean stopped;

    @Activate
    public RegionsComponent(BundleContext context, @Reference NativeCore core, Configuration configuration) {
        this.context = context;
        this.regions = new Regions(
                new RuntimeServices(core, observers, this::post, CLOSE_PATIENCE), configuration.providerWait());
        regions.addArrivalListener(this::offer);
        end = new OrderlyEnd(context, this::withdraw, this::offer);
        diagnosis = context.registerService(Diagnosis.class, new ProviderDiagnosis(regions::providers), null);
    }

    @Deactivate
    public void stop() {
        end.close();
        diagnosis.unregister();
        synchronized (this) {
            stopped = true;
        }
        withdraw();
        regions.stop();
    }

    /** When this returns, users have let go, and have had their chance to commit. */
    private void withdraw() {
        ServiceRegistration<Regions> registered;
        synchronized (this) {
            withdrawn = true;
            registered = registration;
            registration = null;
        }
        if (registered != null) {
            registered.unregister();
        }
    }

    private void offer() {
        synchronized (this) {
            if (registering || registration != null || stopped || !regions.complete()) {
                return;
            }
            registering = true;
            withdrawn = false;
        }
        ServiceRegistration<Regions> registered = context.registerService(Regions.class, regions, null);
        synchronized (this) {
            registering = false;
            if (!withdrawn && !stopped) {
                registration = registered;
                return;
            }
        }
        registered.unregister();
    }

    private void post(String topic, Map<String, Object> properties) {
        EventSink sink = events.get();
        if (sink == null) {
            return;
        }
        try {
            sink.post(topic, properties);
        } catch (RuntimeException e) { // such as an Event Admin that is stopping; no reason to fail a commit
            LOGGER.log(System.Logger.Level.WARNING, "event " + topic + " was not posted", e);
        }
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindVmm(Vmm vmm, Map<String, Object> properties) {
        regions.providerArrived(Providers::vmms, vmm, properties);
    }

    void updatedVmm(Vmm vmm, Map<String, Object> properties) {
        regions.providerArrived(Providers::vmms, vmm, properties);
    }

    void unbindVmm(Vmm vmm) {
        regions.providerLeaves(Providers::vmms, vmm);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindPageTable(PageTable pageTable, Map<String, Object> properties) {
        regions.providerArrived(Providers::pageTables, pageTable, properties);
    }

    void updatedPageTable(PageTable pageTable, Map<String, Object> properties) {
        regions.providerArrived(Providers::pageTables, pageTable, properties);
    }

    void unbindPageTable(PageTable pageTable) {
        regions.providerLeaves(Providers::pageTables, pageTable);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindStrategy(Strategy strategy, Map<String, Object> properties) {
        regions.providerArrived(Providers::strategies, strategy, properties);
    }

    void updatedStrategy(Strategy strategy, Map<String, Object> properties) {
        regions.providerArrived(Providers::strategies, strategy, properties);
    }

    void unbindStrategy(Strategy strategy) {
        regions.providerLeaves(Providers::strategies, strategy);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindStore(Store store, Map<String, Object> properties) {
        regions.providerArrived(Providers::stores, store, properties);
    }

    void updatedStore(Store store, Map<String, Object> properties) {
        regions.providerArrived(Providers::stores, store, properties);
    }

    void unbindStore(Store store) {
        regions.providerLeaves(Providers::stores, store);
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
