package org.vellum.runtime;

import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;

/**
 * A region that a configuration asks for: open, and a service {@link Region}, as long as the configuration is there.
 *
 * <p>A region that cannot be opened is one line in the log, and no service. Where a provider was missing, it is opened as
 * soon as there is one; after any other failure, or when somebody closed it, when the configuration is changed. A change
 * of selectors only swaps the providers of the open region; any other change opens it anew. Users of the service see it go before the region is closed and may
 * still commit then.
 *
 * <p>Safe for use by many threads.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = RegionManager.CONFIGURATION_PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = ConfiguredRegion.Configuration.class, factory = true)
// registered by hand, so that resolvers (Karaf's, bnd's) have to be told of it
@Capability(namespace = "osgi.service", attribute = "objectClass:List<String>='org.vellum.api.Region'", uses = Region.class)
public final class ConfiguredRegion implements Owner {
    /** One region. */
    @ObjectClassDefinition(
            name = "Vellum region",
            description = "A persistent region, opened as long as this configuration exists and offered as a service")
    public @interface Configuration {
        /** Property {@code region.name}. */
        @AttributeDefinition(
                name = "Name",
                description = "1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot; empty: what follows ~ in the"
                        + " configuration's PID, or all of it")
        String region_name() default "";

        /** Property {@code size}. */
        @AttributeDefinition(
                name = "Size",
                description = "A number with a unit B, KiB, MiB, GiB or TiB; empty: only open what exists")
        String size() default "64 MiB";

        /** Property {@code directory}. */
        @AttributeDefinition(name = "Directory", description = "Folder of the region's files; empty: the store's own")
        String directory() default "";

        /** Property {@code logSize}. */
        @AttributeDefinition(
                name = "Log size",
                description = "Log of a new region, as a size; logs grow when they must; empty: the store's choice")
        String logSize() default "";

        /** Property {@code vmm}. */
        @AttributeDefinition(name = "VMM backend", description = "auto, a provider's name or an LDAP filter")
        String vmm() default RegionOptions.AUTO;

        /** Property {@code pagetable}. */
        @AttributeDefinition(name = "Page table", description = "auto, a provider's name or an LDAP filter")
        String pagetable() default RegionOptions.AUTO;

        /** Property {@code strategy}. */
        @AttributeDefinition(name = "Strategy", description = "auto, a provider's name or an LDAP filter")
        String strategy() default RegionOptions.AUTO;

        /** Property {@code store}. */
        @AttributeDefinition(name = "Store", description = "auto, a provider's name or an LDAP filter")
        String store() default RegionOptions.AUTO;
    }

    /** What decides whether a changed configuration means another region; texts as configured. */
    private record Wish(
            String name,
            String size,
            String directory,
            String logSize,
            String vmm,
            String pageTable,
            String strategy,
            String store) {
        private static Wish of(Configuration configuration, String pid) {
            return new Wish(
                    configuration.region_name().isEmpty()
                            ? pid.substring(pid.indexOf('~') + 1)
                            : configuration.region_name(),
                    configuration.size(),
                    configuration.directory(),
                    configuration.logSize(),
                    configuration.vmm(),
                    configuration.pagetable(),
                    configuration.strategy(),
                    configuration.store());
        }

        /** With the other's selectors: providers can be swapped. */
        private Wish withSelectorsOf(Wish other) {
            return new Wish(
                    name, size, directory, logSize, other.vmm, other.pageTable, other.strategy, other.store);
        }

        private RegionOptions options() {
            RegionOptions options = size.isBlank() ? RegionOptions.existing() : RegionOptions.size(size);
            if (!directory.isBlank()) {
                options = options.withDirectory(Path.of(directory));
            }
            if (!logSize.isBlank()) {
                options = options.withLogSize(RegionOptions.parseSize(logSize));
            }
            return options.withVmm(vmm)
                    .withPageTable(pageTable)
                    .withStrategy(strategy)
                    .withStore(store);
        }
    }

    private static final System.Logger LOGGER = System.getLogger(ConfiguredRegion.class.getName());

    private final Regions regions;
    private final BundleContext context;
    private final String pid;
    private final Runnable providerArrived = this::openWhenProvidersAllow;

    /**
     * One opening, closing or reopening at a time. Held while services are registered and unregistered, so users'
     * callbacks run under it; providers come and go on other threads without it, see {@link #openWhenProvidersAllow}.
     */
    private final ReentrantLock changing = new ReentrantLock();
    /** Guarded by {@link #changing}, as all below. */
    private Wish wish;

    private Map<String, Object> properties;
    private OpenRegion region;
    private ServiceRegistration<Region> registration;
    private boolean waitsForProvider;
    private boolean stopped;

    @Activate
    public ConfiguredRegion(
            @Reference Regions regions,
            BundleContext context,
            Configuration configuration,
            Map<String, Object> properties) {
        this.regions = regions;
        this.context = context;
        this.pid = String.valueOf(properties.get(Constants.SERVICE_PID));
        this.wish = Wish.of(configuration, pid);
        this.properties = properties;
    }

    @Activate
    void start() {
        regions.addArrivalListener(providerArrived);
        changing.lock();
        try {
            open();
        } finally {
            changing.unlock();
        }
    }

    @Modified
    void modify(Configuration configuration, Map<String, Object> changed) {
        Wish next = Wish.of(configuration, pid);
        changing.lock();
        try {
            properties = changed;
            if (next.equals(wish) && registration != null) {
                registration.setProperties(serviceProperties(region.status()));
                return;
            }
            boolean onlySelectorsChanged = wish.withSelectorsOf(next).equals(next);
            wish = next;
            if (onlySelectorsChanged && registration != null && region.isOpen()) {
                reselect();
            } else {
                close();
                open();
            }
        } finally {
            changing.unlock();
        }
    }

    /** The region stays open and its users keep it: its providers are swapped, where the new selectors allow it. */
    private void reselect() {
        try {
            regions.configure(region, wish.options());
        } catch (RegionException e) {
            LOGGER.log(Level.ERROR, description() + ": " + e.getMessage());
        }
        showProviders();
    }

    private void showProviders() {
        if (registration != null) {
            registration.setProperties(serviceProperties(region.status()));
        }
    }

    @Override
    public void swapped(Region changed) {
        changing.lock();
        try {
            if (changed == region) {
                showProviders();
            }
        } finally {
            changing.unlock();
        }
    }

    @Deactivate
    void stop() {
        regions.removeArrivalListener(providerArrived);
        changing.lock();
        try {
            stopped = true;
            close();
        } finally {
            changing.unlock();
        }
    }

    @Override
    public String description() {
        return "configuration " + pid;
    }

    @Override
    public void closing(Region leaving) {
        changing.lock();
        try {
            if (leaving == region) {
                unregister();
                waitsForProvider = true;
            }
        } finally {
            changing.unlock();
        }
    }

    @Override
    public void closed(Region gone) {
        changing.lock();
        try {
            if (gone == region) {
                unregister();
                region = null;
                openIfWaiting();
            }
        } finally {
            changing.unlock();
        }
    }

    private void openWhenProvidersAllow() {
        changing.lock();
        try {
            openIfWaiting();
        } finally {
            changing.unlock();
        }
    }

    private void openIfWaiting() {
        if (waitsForProvider && !stopped && region == null) {
            open();
        }
    }

    private void open() {
        waitsForProvider = false;
        try {
            region = regions.openNow(wish.name(), wish.options(), this);
        } catch (ProviderMissingException e) {
            waitsForProvider = true;
            LOGGER.log(Level.WARNING, description() + " waits: " + e.getMessage());
            return;
        } catch (RegionException | IllegalArgumentException e) { // the latter: a directory that is no path
            LOGGER.log(Level.ERROR, description() + " opens no region: " + e.getMessage());
            LOGGER.log(Level.DEBUG, "because", e);
            return;
        }
        registration = context.registerService(Region.class, region, serviceProperties(region.status()));
    }

    /** What is configured, but for private properties, and what came of it. */
    private Dictionary<String, Object> serviceProperties(RegionStatus status) {
        Map<String, Object> all = new HashMap<>(properties);
        all.keySet().removeIf(key -> key.startsWith("."));
        all.put(Region.NAME_PROPERTY, status.name());
        all.put("size", status.size());
        all.put("providers", status.providers().toString());
        return new Hashtable<>(all);
    }

    private void close() {
        unregister();
        OpenRegion leaving = region;
        region = null;
        if (leaving != null) {
            try {
                leaving.closeWithoutOwner();
            } catch (RegionException e) {
                LOGGER.log(Level.WARNING, description() + ": " + e.getMessage());
            }
        }
    }

    private void unregister() {
        if (registration != null) {
            registration.unregister();
            registration = null;
        }
    }
}
