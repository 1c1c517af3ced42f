// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.file;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Images and logs in ordinary files, one folder for many regions. A configuration that changes says where regions go that are
 * opened from then on; those that are open stay where they are.
 */
@Component(
        service = {Store.class, Diagnosis.class},
        configurationPid = FileStore.PID,
        property = {Store.PROPERTY + "=" + FileStore.NAME, Store.DURABLE_PROPERTY + ":Boolean=true"})
@DeleteCallsModify
@Designate(ocd = FileStore.Config.class)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STORE,
        attribute = {ProviderNamespace.NAME + "=file", ProviderNamespace.IS_DURABLE, ProviderNamespace.IS_PORTABLE})
public final class FileStore implements Store, Diagnosis {
    static final String NAME = "file";
    static final String PID = "org.vellum.store.file";

    /** Where files go. */
    @ObjectClassDefinition(name = "Vellum file store", description = "Keeps regions in ordinary files")
    public @interface Config {
        @AttributeDefinition(
                name = "Folder",
                description = "Where the files of regions go that name no folder of their own. Empty: the property "
                        + StoreFolder.PROPERTY + ", else .vellum/regions in the user's home")
        String directory() default "";
    }

    private final NativeCore core;
    private final StoreFiles files;
    private final String property;
    private final Settings settings = new Settings(PID);
    private volatile Path directory;

    @Activate
    public FileStore(@Reference NativeCore core, BundleContext context, Map<String, Object> properties) {
        this(core, new NativeStoreFiles(core), context.getProperty(StoreFolder.PROPERTY));
        configure(properties);
    }

    /**
     * For programs on a flat class path.
     *
     * @param directory for regions that name none
     */
    public static FileStore withoutFramework(NativeCore core, Path directory) {
        return new FileStore(core, new NativeStoreFiles(core), directory);
    }

    FileStore(NativeCore core, StoreFiles files, Path directory) {
        this(core, files, directory.toString());
    }

    /** @param property the value of {@link StoreFolder#PROPERTY}, or null */
    private FileStore(NativeCore core, StoreFiles files, String property) {
        this.core = core;
        this.files = files;
        this.property = property;
        this.directory = StoreFolder.chosen("", property);
    }

    @Modified
    void configure(Map<String, Object> properties) {
        directory = StoreFolder.configured(settings, properties, directory, property);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        return Images.open(core, files, ImageFiles.of(request, directory), request, observer);
    }

    @Override
    public Presence presence(Request request) {
        return Images.presence(core, ImageFiles.of(request, directory));
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(ImageFiles.of(request, directory).place(NAME));
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        ImageFiles names = ImageFiles.of(request, directory);
        return Images.receive(core, files, names, request, origin, names.place(NAME));
    }

    @Override
    public String title() {
        return "Store " + NAME;
    }

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>(settings.findings());
        findings.addAll(new FolderDiagnosis(core, files, directory).examine());
        return findings;
    }
}
