package org.vellum.store.dax;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.FileFailure;
import org.vellum.store.image.Image;
import org.vellum.store.image.ImageArrival;
import org.vellum.store.image.ImageFiles;
import org.vellum.store.image.MappedFiles.Demand;
import org.vellum.store.image.MappedFiles;
import org.vellum.store.image.NativeStoreFiles;
import org.vellum.store.image.StoreFolder;

/**
 * Images and logs in files on persistent memory, written by the processor itself: stores past the caches, write-backs of
 * cache lines and fences, no system call in a commit. Ranked below the file store: what it needs few hosts have.
 */
@Component(
        service = {Store.class, Diagnosis.class},
        configurationPid = DaxStore.PID,
        property = {Store.PROPERTY + "=" + DaxStore.NAME, "service.ranking:Integer=-100"})
@Designate(ocd = DaxStore.Config.class)
public final class DaxStore implements Store, Diagnosis {
    static final String NAME = "dax";
    static final String PID = "org.vellum.store.dax";

    /** Framework or system property: {@code true} is as {@code dax.emulate=true} in the configuration. */
    static final String EMULATE_PROPERTY = "vellum.dax.emulate";

    static final String EMULATED = "EMULATED: %s is no persistent memory (DAX); what is committed survives SIGKILL, not a"
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
    private final Persistence persistence;
    private final DaxFolder folders;
    private final Path directory;
    private final boolean emulate;
    private final Diagnosis diagnosis;

    @Activate
    public DaxStore(@Reference NativeCore core, @Reference NativePersistence library, BundleContext context, Config config) {
        this(
                core,
                library,
                PersistenceDomain.ofThisHost(),
                StoreFolder.chosen(config.directory(), context.getProperty(StoreFolder.PROPERTY)),
                config.dax_emulate() || Boolean.parseBoolean(context.getProperty(EMULATE_PROPERTY)));
    }

    DaxStore(
            NativeCore core, NativePersistence library, PersistenceDomain domain, Path directory, boolean emulate) {
        this.core = core;
        this.persistence = library.forProcessor(domain.includesCaches());
        this.folders = new DaxFolder(core);
        this.directory = directory.toAbsolutePath().normalize();
        this.emulate = emulate;
        this.diagnosis = new DaxDiagnosis(core, library, persistence, domain, folders, this.directory, emulate);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        ImageFiles names = ImageFiles.of(request, directory);
        return Image.open(core, filesFor(names, request), names, request, observer);
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(ImageFiles.of(request, directory).place(NAME));
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        ImageFiles names = ImageFiles.of(request, directory);
        return ImageArrival.begin(core, filesFor(names, request), names, request, origin, names.place(NAME));
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
        return folder + " is not on persistent memory that the processor addresses directly (DAX): files there cannot be"
                + " mapped with MAP_SYNC";
    }

    private boolean isDax(ImageFiles names, String region) {
        try {
            return folders.isDax(names.home());
        } catch (FileFailure e) {
            throw new RegionException("region '" + region + "': whether " + names.directory()
                    + " is on persistent memory cannot be found out: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    @Override
    public String title() {
        return diagnosis.title();
    }

    @Override
    public List<Finding> examine() {
        return diagnosis.examine();
    }
}
