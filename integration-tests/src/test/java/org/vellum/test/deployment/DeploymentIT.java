package org.vellum.test.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.test.tool.Jdk;

class DeploymentIT {
    private static final Path DISTRIBUTION = ContainerProcess.built("vellum.test.distribution");
    private static final Path CONSUMER =
            ContainerProcess.built("vellum.test.bundles").resolve("org.vellum.test.consumer.jar");

    @TempDir
    Path home;

    /** A stock Felix: {@code bin/felix.jar}, its own {@code conf/config.properties}, and bundles in {@code bundle/}. */
    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void felixOfTheFolderBundle(int feature) throws Exception {
        Jdk jdk = Jdk.require(feature, "a stock Felix on JDK " + feature);
        Path main = Files.createDirectories(home.resolve("bin")).resolve("felix.jar");
        Files.copy(ContainerProcess.built("vellum.test.felix"), main);
        try (JarFile jar = new JarFile(main.toFile());
                InputStream configuration = jar.getInputStream(jar.getEntry("config.properties"))) {
            Files.copy(configuration, Files.createDirectories(home.resolve("conf")).resolve("config.properties"));
        }
        copyBundles(Files.createDirectories(home.resolve("bundle")));
        new ContainerProcess(home, ContainerProcess.java(jdk, home, "-jar", "bin/felix.jar"), Map.of()).livesTwice();
    }

    private static void copyBundles(Path folder) throws IOException {
        try (Stream<Path> jars = Files.list(DISTRIBUTION.resolve("bundles"))) {
            for (Path jar : jars.toList()) {
                Files.copy(jar, folder.resolve(jar.getFileName()));
            }
        }
        Files.copy(CONSUMER, folder.resolve(CONSUMER.getFileName()));
    }

    /** The executable jar, with the user's bundle in {@code load/}. */
    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void executableJar(int feature) throws Exception {
        Jdk jdk = Jdk.require(feature, "the executable jar on JDK " + feature);
        Files.copy(CONSUMER, Files.createDirectories(home.resolve("load")).resolve(CONSUMER.getFileName()));
        String jar = ContainerProcess.built("vellum.test.standalone").toString();
        new ContainerProcess(home, ContainerProcess.java(jdk, home, "-Dgosh.args=--nointeractive --noshutdown", "-jar", jar), Map.of())
                .livesTwice();
    }

    /** The launcher with the distribution's feature file, and one of the user's. */
    @Test
    void launcherWithFeatureFiles() throws Exception {
        Path folder = Files.createDirectories(home.resolve("repository/org/acme/diary/1"));
        Files.copy(CONSUMER, folder.resolve("diary-1.jar"));
        Path feature = Files.writeString(
                home.resolve("diary.json"), "{\"id\": \"org.acme:feature:1\", \"bundles\": [{\"id\": \"org.acme:diary:1\"}]}");
        List<String> command = ContainerProcess.java(
                Jdk.running(),
                home,
                "-jar",
                DISTRIBUTION.resolve("vellum.jar").toString(),
                "run",
                "--feature=" + DISTRIBUTION.resolve("features/vellum.json"),
                "--feature=" + feature,
                "--repository=" + home.resolve("repository"),
                // a command that does not end: the process is there to be killed
                "--command=while { true } { sleep 1000 }");
        new ContainerProcess(home, command, Map.of()).livesTwice();
    }

    /** A stock Karaf, on the newest JDK that its start script accepts: JDK 24 and newer refuse its security manager. */
    @Test
    void karaf() throws Exception {
        Jdk jdk = Jdk.require(17, "Karaf");
        unpack(ContainerProcess.built("vellum.test.karaf"), home);
        Path karaf;
        try (Stream<Path> folders = Files.list(home)) {
            karaf = folders.filter(folder -> folder.getFileName().toString().startsWith("apache-karaf"))
                    .findFirst()
                    .orElseThrow();
        }
        Path feature = Files.writeString(
                home.resolve("diary.xml"),
                """
                <features name="diary" xmlns="http://karaf.apache.org/xmlns/features/v1.6.0">
                  <feature name="diary" version="1">
                    <feature>vellum</feature>
                    <bundle>%s</bundle>
                  </feature>
                </features>
                """
                        .formatted(CONSUMER.toUri()));
        // what `feature:repo-add` and `feature:install` would do
        Path features = karaf.resolve("etc/org.apache.karaf.features.cfg");
        Files.writeString(
                features,
                Files.readString(features)
                        .replaceFirst(
                                "(?m)^featuresRepositories = ",
                                "featuresRepositories = " + DISTRIBUTION.resolve("features/karaf.xml").toUri() + ","
                                        + feature.toUri() + ",")
                        .replaceFirst("(?m)^featuresBoot = ", "featuresBoot = diary,"));
        // its own repository and the distribution's, and nothing from elsewhere
        Files.writeString(
                karaf.resolve("etc/org.ops4j.pax.url.mvn.cfg"),
                """
                org.ops4j.pax.url.mvn.useFallbackRepositories=false
                org.ops4j.pax.url.mvn.repositories=
                org.ops4j.pax.url.mvn.defaultRepositories=%s@id=karaf@snapshots,%s@id=vellum@snapshots
                """
                        .formatted(
                                karaf.resolve("system").toUri(),
                                DISTRIBUTION.resolve("repository").toUri()));
        Map<String, String> environment = Map.of(
                "JAVA_HOME", jdk.home().toString(),
                "KARAF_EXEC", "exec",
                "EXTRA_JAVA_OPTS", String.join(" ", ContainerProcess.properties(home)));
        new ContainerProcess(home, List.of(karaf.resolve("bin/karaf").toString(), "server"), environment).livesTwice();
    }

    private static void unpack(Path archive, Path folder) throws Exception {
        Process tar = new ProcessBuilder("tar", "-xzf", archive.toString(), "-C", folder.toString())
                .inheritIO()
                .start();
        assertEquals(0, tar.waitFor(), "tar -xzf " + archive);
    }

    /** Whoever adds a bundle to the distribution has to add it to the features too. */
    @Test
    void featuresHoldWhatTheDistributionHolds() throws IOException {
        Set<String> distribution = new TreeSet<>();
        try (Stream<Path> jars = Files.list(DISTRIBUTION.resolve("bundles"))) {
            jars.map(jar -> jar.getFileName().toString().replace(".jar", "")).forEach(distribution::add);
        }
        assertFalse(distribution.isEmpty());
        assertEquals(distribution, artifacts("features/vellum.json", "\"id\": \"[^:\"]+:([^:\"]+):[^:\"]+\"\\}"));
        assertEquals(distribution, artifacts("features/karaf.xml", "mvn:[^/]+/([^/]+)/"));
    }

    private static Set<String> artifacts(String file, String pattern) throws IOException {
        Matcher matcher = Pattern.compile(pattern).matcher(Files.readString(DISTRIBUTION.resolve(file)));
        return matcher.results().map(result -> result.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }
}
