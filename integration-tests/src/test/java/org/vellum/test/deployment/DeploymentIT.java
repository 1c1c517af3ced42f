// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.test.tool.FeatureFile;
import org.vellum.test.tool.Jdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

class DeploymentIT {
    private static final Path DISTRIBUTION = ContainerProcess.built("vellum.test.distribution");
    private static final Path CONSUMER =
            ContainerProcess.built("vellum.test.bundles").resolve("org.vellum.test.consumer.jar");

    private static final List<String> JSON_FEATURES =
            List.of("vellum", "vellum-jmx", "vellum-health", "vellum-inventory", "vellum-webconsole", "vellum-memory");
    private static final List<String> KARAF_FEATURES = List.of(
            "vellum",
            "vellum-shell",
            "vellum-jmx",
            "vellum-health",
            "vellum-inventory",
            "vellum-webconsole",
            "vellum-memory");
    /** In a features repository of Karaf: group, artifact, version. */
    private static final Pattern ARTIFACT = Pattern.compile("mvn:([^/]+)/([^/]+)/([^<]+)<");

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
            Files.copy(
                    configuration, Files.createDirectories(home.resolve("conf")).resolve("config.properties"));
        }
        copyBundles(Files.createDirectories(home.resolve("bundle")));
        ContainerProcess container =
                new ContainerProcess(home, ContainerProcess.java(jdk, home, "-jar", "bin/felix.jar"), Map.of());
        container.livesTwice();
        container.endsInOrder();
    }

    private static void copyBundles(Path folder) throws IOException {
        try (Stream<Path> jars = Files.list(DISTRIBUTION.resolve("bundles"))) {
            for (Path jar : jars.toList()) {
                Files.copy(jar, folder.resolve(jar.getFileName()));
            }
        }
        // the first by its name: it is started before what it uses, and would be stopped after that
        Files.copy(CONSUMER, folder.resolve("a-diary.jar"));
    }

    /** The executable jar, with the user's bundle in {@code load/}. */
    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void executableJar(int feature) throws Exception {
        Jdk jdk = Jdk.require(feature, "the executable jar on JDK " + feature);
        Files.copy(CONSUMER, Files.createDirectories(home.resolve("load")).resolve(CONSUMER.getFileName()));
        String jar = ContainerProcess.built("vellum.test.standalone").toString();
        ContainerProcess container = new ContainerProcess(
                home,
                ContainerProcess.java(jdk, home, "-Dgosh.args=--nointeractive --noshutdown", "-jar", jar),
                Map.of());
        container.livesTwice();
        container.endsInOrder();
    }

    /** The launcher with the distribution's feature files, and one of the user's. */
    @Test
    void launcherWithFeatureFiles() throws Exception {
        Path folder = Files.createDirectories(home.resolve("repository/org/acme/diary/1"));
        Files.copy(CONSUMER, folder.resolve("diary-1.jar"));
        int port = freePort();
        Path feature = Files.writeString(home.resolve("diary.json"), """
                {
                  "id": "org.acme:feature:1",
                  "bundles": [{"id": "org.acme:diary:1"}],
                  "configurations": {"org.apache.felix.http": {
                    "org.apache.felix.http.host": "127.0.0.1", "org.osgi.service.http.port": "%d"}}
                }
                """.formatted(port));
        List<String> command = new ArrayList<>(ContainerProcess.java(
                Jdk.running(), home, "-jar", DISTRIBUTION.resolve("vellum.jar").toString(), "run"));
        for (String name : JSON_FEATURES) {
            command.add("--feature=" + DISTRIBUTION.resolve("features/" + name + ".json"));
        }
        command.addAll(List.of(
                "--feature=" + feature,
                "--repository=" + home.resolve("repository"),
                // a command that does not end: the process is there to be killed
                "--command=while { true } { sleep 1000 }"));
        ContainerProcess container = new ContainerProcess(home, command, Map.of());
        container.livesTwice(running -> assertPageAnswers(running, port));
        container.endsInOrder();
    }

    private static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            return free.getLocalPort();
        }
    }

    private static void assertPageAnswers(ContainerProcess.Running container, int port) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/system/console/vellum"))
                .header(
                        "Authorization",
                        "Basic " + Base64.getEncoder().encodeToString("admin:admin".getBytes(StandardCharsets.UTF_8)))
                .build();
        HttpClient client = HttpClient.newHttpClient();
        container.await("the web console shows regions", () -> {
            try {
                HttpResponse<String> page = client.send(request, HttpResponse.BodyHandlers.ofString());
                return page.statusCode() == 200 && page.body().contains("id=\"vellum\"");
            } catch (ConnectException e) {
                return false; // not yet
            }
        });
    }

    /**
     * A stock Karaf, on the newest JDK here that its start script accepts: JDK 24 and newer refuse its security
     * manager. Installed at its console as documented, and there again after a kill.
     */
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
        Path diary = Files.writeString(home.resolve("diary.xml"), """
                <features name="diary" xmlns="http://karaf.apache.org/xmlns/features/v1.6.0">
                  <feature name="diary" version="1">
                    <feature>vellum</feature>
                    <bundle>%s</bundle>
                  </feature>
                </features>
                """.formatted(CONSUMER.toUri()));
        // its own repository, to which the commands add the distribution's, and nothing from elsewhere
        Files.writeString(karaf.resolve("etc/org.ops4j.pax.url.mvn.cfg"), """
                org.ops4j.pax.url.mvn.useFallbackRepositories=false
                org.ops4j.pax.url.mvn.repositories=
                org.ops4j.pax.url.mvn.defaultRepositories=%s@id=karaf@snapshots
                """.formatted(
                        karaf.resolve("system").toUri()));
        int port = freePort();
        Files.writeString(
                karaf.resolve("etc/org.apache.felix.http.cfg"),
                "org.apache.felix.http.host=127.0.0.1\norg.osgi.service.http.port=" + port + "\n");
        Map<String, String> environment = Map.of(
                "JAVA_HOME", jdk.home().toString(),
                "KARAF_EXEC", "exec",
                "EXTRA_JAVA_OPTS", String.join(" ", ContainerProcess.properties(home)));
        String program = karaf.resolve("bin/karaf").toString();
        String first = new ContainerProcess(home, List.of(program), environment)
                .life(
                        container -> {
                            container.type("config:property-append --pid org.ops4j.pax.url.mvn"
                                    + " org.ops4j.pax.url.mvn.defaultRepositories ,"
                                    + DISTRIBUTION.resolve("repository").toUri() + "@id=vellum@snapshots");
                            container.type("feature:repo-add "
                                    + DISTRIBUTION.resolve("features/karaf.xml").toUri());
                            container.type("feature:repo-add " + diary.toUri());
                            container.type("feature:install " + String.join(" ", KARAF_FEATURES) + " diary");
                        },
                        container -> {
                            awaitPrinted(container, "vellum:regions", "diary +open +1 MiB");
                            // until then a kill leaves bundles behind that are installed and were never started
                            for (String feature : KARAF_FEATURES) {
                                awaitPrinted(
                                        container,
                                        "feature:list --installed --no-format",
                                        Pattern.quote(feature) + "\\W+[0-9.]+\\W+x?\\W*Started");
                            }
                        });
        String second = new ContainerProcess(home, List.of(program, "server"), environment)
                .life(container -> {}, container -> assertPageAnswers(container, port));
        ContainerProcess.assertSecondLife(first, second);
        new ContainerProcess(home, List.of(program, "server"), environment).endsInOrder();
    }

    /** Gives a command at the console, once a second, until what was printed has the pattern. */
    private static void awaitPrinted(ContainerProcess.Running container, String command, String pattern)
            throws Exception {
        Pattern printed = Pattern.compile(pattern);
        container.await("'" + command + "' prints " + pattern, () -> {
            if (printed.matcher(container.printed()).find()) {
                return true;
            }
            container.type(command);
            TimeUnit.SECONDS.sleep(1); // a console that is refreshed by the install loses what it is told meanwhile
            return false;
        });
    }

    private static void unpack(Path archive, Path folder) throws Exception {
        Process tar = new ProcessBuilder("tar", "-xzf", archive.toString(), "-C", folder.toString())
                .inheritIO()
                .start();
        assertEquals(0, tar.waitFor(), "tar -xzf " + archive);
    }

    /** Resolved from the application's bundle alone, by the distribution's index; then it runs. */
    @ParameterizedTest
    @ValueSource(strings = {"felix", "equinox"})
    void resolvedFromTheApplicationAlone(String framework) throws Exception {
        String jar = ContainerProcess.built("vellum.test.resolved")
                .resolve(framework + ".jar")
                .toString();
        assertFalse(entries(jar).stream()
                .anyMatch(entry -> entry.contains("eventadmin") || entry.contains("service.event")));
        ContainerProcess container =
                new ContainerProcess(home, ContainerProcess.java(Jdk.running(), home, "-jar", jar), Map.of());
        container.livesTwice();
    }

    private static List<String> entries(String jar) throws IOException {
        try (JarFile file = new JarFile(jar)) {
            return file.stream().map(entry -> entry.getName()).toList();
        }
    }

    /** Whoever adds a bundle to the distribution has to add it to the features too. */
    @Test
    void featuresHoldWhatTheDistributionHolds() throws IOException {
        Set<String> distribution = new TreeSet<>();
        try (Stream<Path> jars = Files.list(DISTRIBUTION.resolve("bundles"))) {
            jars.map(jar -> jar.getFileName().toString().replace(".jar", "")).forEach(distribution::add);
        }
        assertFalse(distribution.isEmpty());
        assertEquals(
                distribution, new TreeSet<>(FeatureFile.distributed("vellum").artifacts()));
        String karaf = Files.readString(DISTRIBUTION.resolve("features/karaf.xml"));
        Set<String> first = ARTIFACT.matcher(karaf.substring(0, karaf.indexOf("</feature>")))
                .results()
                .map(result -> result.group(2))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(distribution, first);
    }

    @Test
    void whatTheFeaturesNameIsInTheRepository() throws IOException {
        Path repository = DISTRIBUTION.resolve("repository");
        List<Path> named = new ArrayList<>();
        for (String name : JSON_FEATURES) {
            named.addAll(FeatureFile.distributed(name).bundles());
        }
        Matcher artifacts = ARTIFACT.matcher(Files.readString(DISTRIBUTION.resolve("features/karaf.xml")));
        artifacts
                .results()
                .map(found -> repository
                        .resolve(found.group(1).replace('.', '/'))
                        .resolve(found.group(2))
                        .resolve(found.group(3))
                        .resolve(found.group(2) + "-" + found.group(3) + ".jar"))
                .forEach(named::add);
        assertEquals(List.of(), named.stream().filter(jar -> !Files.exists(jar)).toList());
    }
}
