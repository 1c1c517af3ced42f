// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.feature;

import jakarta.json.Json;
import jakarta.json.JsonException;
import jakarta.json.JsonObject;
import jakarta.json.JsonReader;
import jakarta.json.JsonString;
import jakarta.json.JsonValue;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import org.apache.felix.cm.json.io.Configurations;
import org.osgi.service.feature.Feature;
import org.osgi.service.feature.FeatureBundle;
import org.osgi.service.feature.FeatureConfiguration;
import org.osgi.service.feature.FeatureExtension;
import org.osgi.service.feature.FeatureService;
import org.osgi.service.feature.ID;
import org.vellum.launcher.command.CommandFailure;

/**
 * What some OSGi feature files (JSON, the Feature Service's format) ask for, put together: bundles in the order in which
 * the files name them, each once; configurations, where a later file's takes the place of an earlier one's of the same
 * PID; and framework properties, likewise.
 */
public final class Features {
    /** Feature extension, a JSON object of texts: framework properties. The name is the Feature Launcher Service's. */
    static final String PROPERTIES_EXTENSION = "framework-launching-properties";

    private final FeatureService service = ServiceLoader.load(FeatureService.class, Features.class.getClassLoader())
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no Feature Service on the class path"));

    private final Set<ID> bundles = new LinkedHashSet<>();
    private final Map<String, Hashtable<String, Object>> configurations = new LinkedHashMap<>();
    private final Map<String, String> properties = new LinkedHashMap<>();

    private Features() {}

    /**
     * Reads files.
     *
     * @throws CommandFailure one cannot be read, or is no feature; names it and what was expected
     */
    public static Features read(List<Path> files) {
        Features features = new Features();
        files.forEach(features::add);
        return features;
    }

    private void add(Path file) {
        try {
            String text = Files.readString(file);
            Feature feature = service.readFeature(new StringReader(text));
            requireAllBundles(file, text, feature);
            feature.getBundles().stream().map(FeatureBundle::getID).forEach(bundles::add);
            feature.getConfigurations().values().forEach(this::add);
            FeatureExtension extension = feature.getExtensions().get(PROPERTIES_EXTENSION);
            if (extension != null) {
                addProperties(file, extension);
            }
        } catch (IOException e) {
            throw new CommandFailure("feature file " + file + " cannot be read: " + e, e);
        } catch (JsonException | IllegalArgumentException | NullPointerException | ClassCastException e) {
            // the Feature Service reports what is missing or of another type by whatever exception it runs into
            throw new CommandFailure(
                    "feature file " + file + " is no OSGi feature: " + e.getMessage()
                            + "; expected a JSON object with \"id\" and \"bundles\", such as [{\"id\":"
                            + " \"group:artifact:version\"}]",
                    e);
        }
    }

    /** The Feature Service passes over entries that are no objects. */
    private static void requireAllBundles(Path file, String text, Feature feature) throws IOException {
        try (JsonReader reader = Json.createReader(Configurations.jsonCommentAwareReader(new StringReader(text)))) {
            JsonValue entries = reader.readObject().get("bundles");
            if (entries == null) {
                return;
            }
            for (JsonValue entry : entries.asJsonArray()) {
                if (entry.getValueType() != JsonValue.ValueType.OBJECT
                        || !entry.asJsonObject().containsKey("id")) {
                    throw new CommandFailure("feature file " + file + ": bundle " + entry
                            + " is to be an object, {\"id\": \"group:artifact:version\"}");
                }
            }
            if (feature.getBundles().size() != entries.asJsonArray().size()) {
                throw new CommandFailure(
                        "feature file " + file + ": of " + entries.asJsonArray().size()
                                + " bundles the Feature Service has taken "
                                + feature.getBundles().size()
                                + "; one is named twice");
            }
        }
    }

    private void add(FeatureConfiguration configuration) {
        configurations.put(configuration.getPid(), new Hashtable<>(configuration.getValues()));
    }

    private void addProperties(Path file, FeatureExtension extension) {
        if (extension.getType() != FeatureExtension.Type.JSON) {
            throw new CommandFailure("feature file " + file + ": the extension '" + PROPERTIES_EXTENSION
                    + "' is to be of type json, not " + extension.getType());
        }
        try (JsonReader reader = Json.createReader(new StringReader(extension.getJSON()))) {
            JsonObject object = reader.readObject();
            object.forEach((name, value) -> {
                if (!(value instanceof JsonString string)) {
                    throw new CommandFailure("feature file " + file + ": framework property '" + name
                            + "' is to be a text, not " + value);
                }
                properties.put(name, string.getString());
            });
        }
    }

    /**
     * The bundles' files.
     *
     * @throws CommandFailure one is missing
     */
    public List<Path> bundles(BundleRepositories repositories) {
        return bundles.stream().map(repositories::find).toList();
    }

    /** The configurations' properties by their PIDs, of which a factory configuration's is {@code FACTORY~NAME}. */
    public Map<String, Dictionary<String, Object>> configurations() {
        return new LinkedHashMap<>(configurations);
    }

    /** Framework properties. */
    public Map<String, String> properties() {
        return new LinkedHashMap<>(properties);
    }
}
