// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.feature;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.launcher.command.CommandFailure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FeaturesTest {
    @TempDir
    Path folder;

    private Path file(String name, String text) {
        try {
            return Files.writeString(folder.resolve(name), text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String complaint(Path file) {
        String message = assertThrows(CommandFailure.class, () -> Features.read(List.of(file)))
                .getMessage();
        assertTrue(message.contains(file.toString()), message);
        return message;
    }

    @Test
    void findsEachBundleOnceInTheFirstRepositoryThatHasIt() throws IOException {
        Path near = folder.resolve("near/org/acme/orders/1.2");
        Path far = folder.resolve("far/org/acme/orders/1.2");
        Path other = folder.resolve("far/org/acme/ledger/2");
        for (Path path : List.of(near, far, other)) {
            Files.createDirectories(path);
        }
        Path orders = Files.createFile(near.resolve("orders-1.2.jar"));
        Files.createFile(far.resolve("orders-1.2.jar"));
        Path ledger = Files.createFile(other.resolve("ledger-2-linux.jar"));
        Features features = Features.read(List.of(
                file(
                        "a.json",
                        "{ /* comments may be */ 'id': 'a:a:1', 'bundles': [{'id': 'org.acme:orders:1.2'}]}"
                                .replace('\'', '"')),
                file(
                        "b.json",
                        "{'id': 'a:b:1', 'bundles': [{'id': 'org.acme:ledger:jar:linux:2'}, {'id': 'org.acme:orders:1.2'}]}"
                                .replace('\'', '"'))));
        BundleRepositories repositories =
                new BundleRepositories(List.of(folder.resolve("near"), folder.resolve("far")));
        assertEquals(List.of(orders, ledger), features.bundles(repositories));
    }

    @Test
    void aMissingBundleIsNamedWithThePlacesLookedAt() {
        Features features = Features.read(
                List.of(file("a.json", "{\"id\":\"a:a:1\",\"bundles\":[{\"id\":\"org.acme:orders:1.2\"}]}")));
        String message = assertThrows(
                        CommandFailure.class,
                        () -> features.bundles(new BundleRepositories(List.of(folder.resolve("near")))))
                .getMessage();
        assertTrue(
                message.startsWith("org.acme:orders:1.2 is in none of the repositories " + folder.resolve("near")),
                message);
    }

    @Test
    void aBundleThatTheFeatureServiceWouldPassOverIsRefused() {
        String message = complaint(file("a.json", "{\"id\":\"a:a:1\",\"bundles\":[\"org.acme:orders:1.2\"]}"));
        assertTrue(message.contains("bundle \"org.acme:orders:1.2\" is to be an object"), message);
    }

    @Test
    void whatIsNoFeatureIsRefused() {
        assertTrue(complaint(file("a.json", "[1]")).contains("is no OSGi feature"));
        assertTrue(complaint(file("b.json", "{\"bundles\":[]}")).contains("is no OSGi feature"));
        assertTrue(complaint(file("c.json", "{\"id\": \"a:a:1\"")).contains("is no OSGi feature"));
        assertTrue(complaint(folder.resolve("absent.json")).contains("cannot be read"));
    }

    @Test
    void configurationsAreTypedAndTheLaterFilesCount() {
        Features features = Features.read(List.of(
                file(
                        "a.json",
                        "{\"id\":\"a:a:1\",\"configurations\":{\"org.vellum.region~orders\":{\"size\":\"1 MiB\"},"
                                + "\"org.vellum.runtime\":{\"providerWait\":250}}}"),
                file(
                        "b.json",
                        "{\"id\":\"a:b:1\",\"configurations\":{\"org.vellum.region~orders\":{\"size\":\"2 MiB\"}}}")));
        assertEquals(
                Map.of(
                        "org.vellum.region~orders", new Hashtable<>(Map.of("size", "2 MiB")),
                        "org.vellum.runtime", new Hashtable<>(Map.of("providerWait", 250L))),
                features.configurations());
    }

    @Test
    void frameworkPropertiesAreTexts() {
        String extension =
                "{\"id\":\"a:a:1\",\"extensions\":{\"framework-launching-properties\":{\"type\":\"json\",\"json\":%s}}}";
        Features features =
                Features.read(List.of(file("a.json", extension.formatted("{\"vellum.directory\":\"/srv/regions\"}"))));
        assertEquals(Map.of("vellum.directory", "/srv/regions"), features.properties());
        assertTrue(complaint(file("b.json", extension.formatted("{\"port\":8080}")))
                .contains("framework property 'port' is to be a text, not 8080"));
    }
}
