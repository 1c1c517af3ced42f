// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.console;

import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.management.JMX;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.ServiceReference;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.FeatureFile;
import org.vellum.test.tool.Skip;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What operators look at: the web console's page, in a browser too, MXBeans, health checks and inventory. */
class ConsoleIT {
    private static final int SIZE = 64 << 20;
    private static final String USER = "operator";
    private static final String PASSWORD = "secret";
    private static final Path SCREENSHOT = Path.of(System.getProperty("vellum.test.screenshot"));

    @TempDir
    static Path folder;

    private static Stack stack;
    private static String console;
    private static Region orders;
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        System.setProperty("org.osgi.service.http.port", Integer.toString(port));
        System.setProperty("org.apache.felix.http.host", "127.0.0.1");
        System.setProperty("felix.webconsole.username", USER);
        System.setProperty("felix.webconsole.password", PASSWORD);
        console = "http://127.0.0.1:" + port + "/system/console";
        stack = Stack.start();
        Set<Path> jars = new LinkedHashSet<>();
        for (String feature : List.of("vellum-jmx", "vellum-health", "vellum-inventory", "vellum-webconsole")) {
            jars.addAll(FeatureFile.distributed(feature).bundles());
        }
        List<Bundle> bundles = new ArrayList<>();
        for (Path jar : jars) {
            bundles.add(stack.context().installBundle(jar.toUri().toString()));
        }
        for (Bundle bundle : bundles) {
            bundle.start();
        }
        orders = stack.regions().open("orders", RegionOptions.size(SIZE).withDirectory(folder));
        work(200);
        until("the page answers", () -> get("/vellum", true).statusCode() == 200);
    }

    /** Many commits in one corner, few everywhere. */
    private static void work(int commits) {
        Random random = new Random(1);
        ByteBuffer memory = orders.buffer(0, SIZE);
        for (int i = 0; i < commits; i++) {
            for (int store = 0; store < 20; store++) {
                double place = Math.pow(random.nextDouble(), 3) * 0.7;
                memory.putLong((int) (place * (SIZE - 8)), random.nextLong());
            }
            orders.commit();
        }
    }

    @AfterAll
    static void stop() {
        if (stack != null) {
            stack.close();
        }
        for (String property : List.of(
                "org.osgi.service.http.port",
                "org.apache.felix.http.host",
                "felix.webconsole.username",
                "felix.webconsole.password")) {
            System.clearProperty(property);
        }
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadline, "not within 30 s: " + what);
            Thread.sleep(50);
        }
    }

    private static HttpRequest.Builder request(String path, boolean authenticated) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(console + path));
        if (authenticated) {
            String credentials = USER + ":" + PASSWORD;
            builder.header(
                    "Authorization",
                    "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8)));
        }
        return builder;
    }

    private static HttpResponse<String> get(String path, boolean authenticated) throws Exception {
        try {
            return CLIENT.send(request(path, authenticated).build(), HttpResponse.BodyHandlers.ofString());
        } catch (java.net.ConnectException e) {
            return CLIENT.send(request(path, authenticated).build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    private static HttpResponse<String> post(String path, String token) throws Exception {
        HttpRequest.Builder builder = request(path, true).POST(HttpRequest.BodyPublishers.noBody());
        if (token != null) {
            builder.header("X-Vellum-Token", token);
        }
        return CLIENT.send(builder.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String token() throws Exception {
        Matcher matcher = Pattern.compile("data-token=\"([0-9a-f]{32})\"")
                .matcher(get("/vellum", true).body());
        assertTrue(matcher.find(), "the page carries a token");
        return matcher.group(1);
    }

    @Test
    void nothingIsShownToStrangers() throws Exception {
        for (String path :
                List.of("/vellum", "/vellum/regions.json", "/vellum/events?region=orders", "/vellum/res/vellum.js")) {
            assertEquals(401, get(path, false).statusCode(), path);
        }
    }

    @Test
    void regionsAreToldAsJson() throws Exception {
        String json = get("/vellum/regions.json", true).body();
        assertTrue(json.contains("\"name\":\"orders\"") && json.contains("\"state\":\"OPEN\""), json);
        assertEquals(404, get("/vellum/nothing", true).statusCode());
    }

    @Test
    void theLongestNameIsToldWhole() throws Exception {
        String name = "a".repeat(50) + "b".repeat(50) + "c".repeat(28);
        try (Region region =
                stack.regions().open(name, RegionOptions.size("1MiB").withDirectory(folder))) {
            String json = get("/vellum/regions.json", true).body();
            assertTrue(json.contains("\"name\":\"" + region.name() + "\""), json);
        }
    }

    @Test
    void nothingIsChangedWithoutThePagesToken() throws Exception {
        orders.buffer(0, 8).putLong(0, orders.buffer(0, 8).getLong(0) + 1);
        long epoch = orders.status().epoch();
        String providers = orders.status().providers().toString();
        for (String wrong : new String[] {null, "", "0".repeat(32)}) {
            assertEquals(403, post("/vellum/commit?region=orders", wrong).statusCode());
            assertEquals(
                    403,
                    post("/vellum/swap?region=orders&strategy=write-protect", wrong)
                            .statusCode());
        }
        assertEquals(epoch, orders.status().epoch());
        assertEquals(providers, orders.status().providers().toString());

        HttpResponse<String> answer = post("/vellum/commit?region=orders", token());
        assertEquals(200, answer.statusCode());
        assertEquals("{\"message\":\"epoch " + (epoch + 1) + " is durable\"}", answer.body());
        assertEquals(epoch + 1, orders.status().epoch());
    }

    @Test
    void providersAreSwapped() throws Exception {
        String token = token();
        assertEquals(
                200,
                post("/vellum/swap?region=orders&strategy=write-protect", token).statusCode());
        assertEquals("write-protect", orders.status().providers().strategy());
        HttpResponse<String> refused = post("/vellum/swap?region=orders&strategy=absent", token);
        assertEquals(409, refused.statusCode());
        assertTrue(refused.body().contains("absent"), refused.body());
        assertEquals(
                200,
                post("/vellum/swap?region=orders&strategy=dirty-bit", token).statusCode());
        assertEquals(
                404,
                post("/vellum/swap?region=absent&strategy=dirty-bit", token).statusCode());
    }

    @Test
    void theImageIsMovedToAnotherStoreAndBack() throws Exception {
        assertTrue(get("/vellum", true).body().contains("data-store=\"dax file memory\""));
        String token = token();
        assertEquals(200, post("/vellum/swap?region=orders&store=memory", token).statusCode());
        assertEquals("memory", orders.status().providers().store());
        assertEquals(200, post("/vellum/swap?region=orders&store=file", token).statusCode());
        assertEquals("file", orders.status().providers().store());
    }

    @Test
    void eventsComeByThemselves() throws Exception {
        HttpResponse<InputStream> stream = CLIENT.send(
                request("/vellum/events?region=orders&cells=100", true).build(),
                HttpResponse.BodyHandlers.ofInputStream());
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
            assertTrue(stream.headers().firstValue("Content-Type").orElse("").startsWith("text/event-stream"));
            String first = lines.readLine();
            assertTrue(first.startsWith("data: {\"region\":{") || first.startsWith("data: {"), first);
            assertTrue(first.contains("\"pagesPerCell\":164") && first.contains("\"ages\":["), first);
            assertEquals("", lines.readLine());
            assertTrue(lines.readLine().startsWith("data: {"), "another one follows");
        }
        assertEquals(400, get("/vellum/events?region=orders&cells=0", true).statusCode());
        assertEquals(400, get("/vellum/events?region=orders&cells=many", true).statusCode());
    }

    @Test
    void aBrowserDrawsIt() throws Exception {
        Skip.unless(Browser.isInstalled(), "the console page in a browser", Browser.PROGRAM + " is missing");
        try (Browser browser =
                Browser.show(console.replace("//", "//" + USER + ":" + PASSWORD + "@") + "/vellum", folder)) {
            Pattern legend = Pattern.compile(
                    "(\\d+) cells of 1 page: (\\d+) written in epoch \\d+, (\\d+) before, (\\d+) not since.*");
            until(
                    "the heat map is drawn",
                    () -> legend.matcher(browser.text("#vellum-legend")).matches());
            Matcher drawn = legend.matcher(browser.text("#vellum-legend"));
            assertTrue(drawn.matches());
            assertEquals("16384", drawn.group(1));
            assertTrue(Integer.parseInt(drawn.group(2)) > 0 && Integer.parseInt(drawn.group(4)) > 0, drawn.group());
            assertEquals("orders", browser.text("#vellum-regions button[aria-pressed=true]"));
            assertTrue(browser.text("#vellum-key").endsWith("not since the region was opened"));
            assertEquals("", browser.text("#vellum-trouble"));

            Files.createDirectories(SCREENSHOT.getParent());
            Files.write(SCREENSHOT, browser.screenshot());
        }
        BufferedImage image = ImageIO.read(SCREENSHOT.toFile());
        Map<Integer, Integer> colours = new HashMap<>();
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                colours.merge(image.getRGB(x, y), 1, Integer::sum);
            }
        }
        // more than the square in the key
        assertTrue(colours.getOrDefault(0xff232a38, 0) > 10_000, "pages that were not written");
        assertTrue(colours.size() > 100, "pages of many ages: " + colours.size() + " colours");
    }

    @Test
    void anMxBeanComesAndGoesWithItsRegion() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name = new ObjectName("org.vellum:type=Region,name=short-lived");
        try (Region region =
                stack.regions().open("short-lived", RegionOptions.size(4096).withDirectory(folder))) {
            until("the bean is registered", () -> server.isRegistered(name));
            region.buffer(0, 8).putLong(0, 1);
            assertEquals(1L, server.invoke(name, "commit", null, null));
            assertEquals(1L, server.getAttribute(name, "Epoch"));
            assertEquals(4096L, server.getAttribute(name, "Size"));
            assertEquals("OPEN", server.getAttribute(name, "State"));
            assertTrue(JMX.isMXBeanInterface(Class.forName(
                    server.getMBeanInfo(name).getDescriptor().getFieldValue("interfaceClassName") + "",
                    false,
                    bundle("org.vellum.jmx")
                            .loadClass("org.vellum.jmx.RegionMXBean")
                            .getClassLoader())));
        }
        until("the bean is gone", () -> !server.isRegistered(name));
    }

    private static Bundle bundle(String symbolicName) {
        return Stream.of(stack.context().getBundles())
                .filter(bundle -> symbolicName.equals(bundle.getSymbolicName()))
                .findFirst()
                .orElseThrow();
    }

    /** The interfaces of health check and inventory are the container's alone, so their methods are called by name. */
    @Test
    void healthChecksFindNothingWrong() throws Exception {
        ServiceReference<?>[] checks =
                stack.context().getAllServiceReferences("org.apache.felix.hc.api.HealthCheck", "(hc.tags=vellum)");
        assertEquals(2, checks.length);
        for (ServiceReference<?> check : checks) {
            Object service = stack.context().getService(check);
            Object result = service.getClass().getMethod("execute").invoke(service);
            assertEquals(
                    "OK",
                    result.getClass().getMethod("getStatus").invoke(result).toString(),
                    result.toString());
        }
    }

    @Test
    void theInventoryTellsOfRegions() throws Exception {
        ServiceReference<?> reference = stack.context()
                .getAllServiceReferences(
                        "org.apache.felix.inventory.InventoryPrinter", "(felix.inventory.printer.name=vellum-regions)")[
                0];
        Object printer = stack.context().getService(reference);
        Class<?> format = bundle("org.apache.felix.inventory").loadClass("org.apache.felix.inventory.Format");
        StringWriter text = new StringWriter();
        StringWriter json = new StringWriter();
        try (PrintWriter textWriter = new PrintWriter(text);
                PrintWriter jsonWriter = new PrintWriter(json)) {
            var print = printer.getClass().getMethod("print", PrintWriter.class, format, boolean.class);
            print.invoke(printer, textWriter, format.getField("TEXT").get(null), false);
            print.invoke(printer, jsonWriter, format.getField("JSON").get(null), false);
        }
        assertTrue(text.toString().contains("orders: OPEN, " + SIZE + " bytes"), text.toString());
        assertTrue(json.toString().startsWith("{\"regions\":[{"), json.toString());
        assertEquals(1, json.toString().lines().count(), json.toString());
    }
}
