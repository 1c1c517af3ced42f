// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.DeleteCallsModify;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Settings;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreFolder;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.MappedFiles;
import org.vellum.store.image.medium.MappedFiles.Demand;
import org.vellum.store.image.medium.NativeStoreFiles;

/**
 * Images and logs in files on persistent memory, written by the processor itself: stores past the caches, write-backs of
 * cache lines and fences, no system call in a commit. Ranked below the file store: what it needs few hosts have. Where it only
 * emulates persistent memory it has to be asked for. A configuration that changes says how regions are opened from then on;
 * those that are open stay as they are.
 */
@Component(
        service = {Store.class, Diagnosis.class},
        configurationPid = DaxStore.PID,
        property = {
            Store.PROPERTY + "=" + DaxStore.NAME,
            Store.DURABLE_PROPERTY + ":Boolean=true",
            "service.ranking:Integer=-100"
        })
@DeleteCallsModify
@Designate(ocd = DaxStore.Config.class)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STORE,
        attribute = {ProviderNamespace.NAME + "=dax", ProviderNamespace.IS_DURABLE})
public final class DaxStore implements Store, Diagnosis {
    static final String NAME = "dax";
    static final String PID = "org.vellum.store.dax";

    /** Framework or system property: {@code true} is as {@code dax.emulate=true} in the configuration. */
    static final String EMULATE_PROPERTY = "vellum.dax.emulate";

    static final String EMULATED =
            "EMULATED: %s is no persistent memory (DAX); what is committed survives SIGKILL, not a"
                    + " power cut, nor a crash of the system";

    /** Where files go, and on what. */
    @ObjectClassDefinition(
            name = "Vellum DAX store",
            description = "Keeps regions in files on persistent memory, mapped by MAP_SYNC")
    public @interface Config {
        @AttributeDefinition(
                name = "Folder",
                description = "Where the files of regions go that name no folder of their own, on a file system mounted"
                        + " with -o dax. Empty: the property " + StoreFolder.PROPERTY
                        + ", else .vellum/regions in the user's home")
        String directory() default "";

        @AttributeDefinition(
                name = "Emulate",
                description = "Take folders that are not on persistent memory too, for trying things out. Commits there"
                        + " survive SIGKILL, not a power cut. The property " + EMULATE_PROPERTY + "=true does the same")
        boolean dax_emulate() default false;
    }

    private final NativeCore core;
    private final NativePersistence library;
    private final PersistenceDomain domain;
    private final Persistence persistence;
    private final DaxFolder folders;
    private final String property;
    private final boolean emulatedByProperty;
    private final Settings settings = new Settings(PID);
    private volatile Path directory;
    private volatile boolean emulate;

    @Activate
    public DaxStore(
            @Reference NativeCore core,
            @Reference NativePersistence library,
            BundleContext context,
            Map<String, Object> properties) {
        this(
                core,
                library,
                PersistenceDomain.ofThisHost(),
                context.getProperty(StoreFolder.PROPERTY),
                Boolean.parseBoolean(context.getProperty(EMULATE_PROPERTY)));
        configure(properties);
    }

    /**
     * For programs on a flat class path.
     *
     * @param directory for regions that name none
     */
    public static DaxStore withoutFramework(NativeCore core, NativePersistence library, Path directory) {
        return new DaxStore(core, library, PersistenceDomain.ofThisHost(), directory, false);
    }

    /**
     * For programs on a flat class path; emulates persistent memory where there is none.
     *
     * @param directory for regions that name none
     */
    public static DaxStore emulatedWithoutFramework(NativeCore core, NativePersistence library, Path directory) {
        return new DaxStore(core, library, PersistenceDomain.ofThisHost(), directory, true);
    }

    DaxStore(NativeCore core, NativePersistence library, PersistenceDomain domain, Path directory, boolean emulate) {
        this(core, library, domain, directory.toString(), emulate);
    }

    /** @param property the value of {@link StoreFolder#PROPERTY}, or null */
    private DaxStore(
            NativeCore core, NativePersistence library, PersistenceDomain domain, String property, boolean emulate) {
        this.core = core;
        this.library = library;
        this.domain = domain;
        this.persistence = library.forProcessor(domain.includesCaches());
        this.folders = new DaxFolder(core);
        this.property = property;
        this.emulatedByProperty = emulate;
        this.directory = StoreFolder.chosen("", property);
        this.emulate = emulate;
    }

    @Modified
    void configure(Map<String, Object> properties) {
        directory = StoreFolder.configured(settings, properties, directory, property);
        emulate = settings.value(
                properties,
                "dax.emulate",
                emulatedByProperty,
                emulate,
                text -> Settings.flag(text) || emulatedByProperty);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        ImageFiles names = ImageFiles.of(request, directory);
        return Images.open(core, filesFor(names, request), names, request, observer);
    }

    /** Without creating anything: where there is no image, nobody asks whether there could be one. */
    @Override
    public Presence presence(Request request) {
        ImageFiles names = ImageFiles.of(request, directory);
        Presence found = Images.presence(core, names);
        return found == Presence.HERE && !emulate && !isKnownDax(names) ? Presence.ABSENT : found;
    }

    @Override
    public Optional<String> obstacle() {
        if (emulate || DaxMounts.any() || isKnownDax(new ImageFiles(directory, "any"))) {
            return Optional.empty();
        }
        return Optional.of(lacking(directory) + ", and no other file system here is mounted with -o dax; mount one, or"
                + " emulate it (dax.emulate=true)");
    }

    @Override
    public Optional<String> obstacleToAuto(Request request) {
        ImageFiles names = ImageFiles.of(request, directory);
        if (isKnownDax(names)) {
            return Optional.empty();
        }
        return Optional.of(
                emulate ? String.format(Locale.ROOT, EMULATED, names.directory()) : lacking(names.directory()));
    }

    /** What cannot be found out is not taken for persistent memory. */
    private boolean isKnownDax(ImageFiles names) {
        try {
            return !DaxFolder.isDevice(names.directory()) && folders.isDax(names.home());
        } catch (FileFailure e) {
            return false;
        }
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(ImageFiles.of(request, directory).place(NAME));
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        ImageFiles names = ImageFiles.of(request, directory);
        return Images.receive(core, filesFor(names, request), names, request, origin, names.place(NAME));
    }

    /** @throws RegionException there is no persistent memory, and none is to be emulated */
    private MappedFiles filesFor(ImageFiles names, Request request) {
        Path folder = names.directory();
        if (DaxFolder.isDevice(folder)) {
            throw new InvalidRegionException("region '" + request.region() + "': " + folder + " is a DAX device, which"
                    + " holds no files; the store 'dax' needs a file system on it: make the namespace one of mode fsdax"
                    + " (ndctl create-namespace --reconfig=NAMESPACE --mode=fsdax), put ext4 or XFS on its block"
                    + " device, mount that with -o dax, and name a folder there");
        }
        boolean dax = isDax(names, request.region());
        if (!dax && !emulate) {
            throw new RegionException("region '" + request.region() + "': " + lacking(folder)
                    + ". Name a folder on a file system on persistent memory that is mounted with -o dax, choose the"
                    + " store 'file', or set dax.emulate=true (command line: --dax-emulate) to try it out without: then"
                    + " commits survive SIGKILL, not a power cut");
        }
        return new MappedFiles(
                new NativeStoreFiles(core),
                core,
                persistence,
                dax ? Demand.SYNCHRONOUS : Demand.NONE,
                MappedFiles.Listener.NONE,
                dax ? List.of() : List.of(String.format(Locale.ROOT, EMULATED, folder)));
    }

    /** What a folder lacks that is not on DAX, without the way out. */
    static String lacking(Path folder) {
        return folder
                + " is not on persistent memory that the processor addresses directly (DAX): files there cannot be"
                + " mapped with MAP_SYNC";
    }

    private boolean isDax(ImageFiles names, String region) {
        try {
            return folders.isDax(names.home());
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': whether " + names.directory()
                            + " is on persistent memory cannot be found out: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    @Override
    public String title() {
        return "Store " + NAME;
    }

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>(settings.findings());
        findings.addAll(new DaxDiagnosis(core, library, persistence, domain, folders, directory, emulate).examine());
        return findings;
    }
}
