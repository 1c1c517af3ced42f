package org.vellum.store.file;

import java.nio.file.Path;
import java.util.List;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.Image;
import org.vellum.store.image.ImageFiles;
import org.vellum.store.image.NativeStoreFiles;
import org.vellum.store.image.StoreFiles;

/** Images and logs in ordinary files, one folder for many regions. */
@Component(
        service = {Store.class, Diagnosis.class},
        configurationPid = FileStore.PID,
        property = Store.PROPERTY + "=" + FileStore.NAME)
@Designate(ocd = FileStore.Config.class)
public final class FileStore implements Store, Diagnosis {
    static final String NAME = "file";
    static final String PID = "org.vellum.store.file";

    /** Framework or system property: the default folder where no configuration gives one. */
    static final String DIRECTORY_PROPERTY = "vellum.directory";

    /** Where files go. */
    @ObjectClassDefinition(name = "Vellum file store", description = "Keeps regions in ordinary files")
    public @interface Config {
        @AttributeDefinition(
                name = "Folder",
                description = "Where the files of regions go that name no folder of their own. Empty: the property "
                        + DIRECTORY_PROPERTY + ", else .vellum/regions in the user's home")
        String directory() default "";
    }

    private final NativeCore core;
    private final StoreFiles files;
    private final Path directory;
    private final Diagnosis diagnosis;

    @Activate
    public FileStore(@Reference NativeCore core, BundleContext context, Config config) {
        this(core, new NativeStoreFiles(core), directory(config.directory(), context.getProperty(DIRECTORY_PROPERTY)));
    }

    FileStore(NativeCore core, StoreFiles files, Path directory) {
        this.core = core;
        this.files = files;
        this.directory = directory.toAbsolutePath().normalize();
        this.diagnosis = new FolderDiagnosis(core, files, this.directory);
    }

    static Path directory(String configured, String property) {
        if (!configured.isBlank()) {
            return Path.of(configured);
        }
        if (property != null && !property.isBlank()) {
            return Path.of(property);
        }
        return Path.of(System.getProperty("user.home"), ".vellum", "regions");
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        Path folder = request.directory() == null
                ? directory
                : request.directory().toAbsolutePath().normalize();
        return Image.open(core, files, new ImageFiles(folder, request.region()), request, observer);
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
