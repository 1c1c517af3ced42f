// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.console;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A page in a headless Chromium, spoken to by the DevTools protocol: one command, one answer. */
final class Browser implements AutoCloseable {
    static final Path PROGRAM = Path.of("/usr/bin/chromium");

    private static final long PATIENCE_SECONDS = 600;
    private static final Pattern PAGE = Pattern.compile("\"webSocketDebuggerUrl\": \"(ws://[^\"]+/page/[^\"]+)\"");
    /** The value of an answer to {@code Runtime.evaluate} that is a text, and the data of a screenshot. */
    private static final Pattern TEXT = Pattern.compile("\"type\":\"string\",\"value\":\"((?:[^\"\\\\]|\\\\.)*)\"");

    private static final Pattern DATA = Pattern.compile("\"data\":\"([A-Za-z0-9+/=]+)\"");

    private final Process process;
    private final WebSocket socket;
    private final BlockingQueue<String> messages;
    private int commands;

    private Browser(Process process, WebSocket socket, BlockingQueue<String> messages) {
        this.process = process;
        this.socket = socket;
        this.messages = messages;
    }

    static boolean isInstalled() {
        return Files.isExecutable(PROGRAM);
    }

    static Browser show(String page, Path folder) throws Exception {
        Path profile = folder.resolve("chromium");
        Process process = new ProcessBuilder(
                        PROGRAM.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--hide-scrollbars",
                        "--window-size=1100,1050",
                        "--user-data-dir=" + profile,
                        "--remote-debugging-port=0",
                        page)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("chromium.log").toFile())
                .start();
        try {
            String address = debuggerOf(profile.resolve("DevToolsActivePort"));
            BlockingQueue<String> messages = new LinkedBlockingQueue<>();
            WebSocket socket = HttpClient.newHttpClient()
                    .newWebSocketBuilder()
                    .buildAsync(URI.create(address), new Listener(messages))
                    .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            return new Browser(process, socket, messages);
        } catch (Exception | AssertionError e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static String debuggerOf(Path portFile) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (System.nanoTime() < deadline) {
            List<String> lines = Files.exists(portFile) ? Files.readAllLines(portFile) : List.of();
            if (lines.size() >= 2) {
                HttpResponse<String> pages = HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + lines.get(0) + "/json"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
                Matcher matcher = PAGE.matcher(pages.body());
                if (matcher.find()) {
                    return matcher.group(1);
                }
            }
            Thread.sleep(50);
        }
        throw new AssertionError("chromium offers no page after " + PATIENCE_SECONDS + " s");
    }

    private record Listener(BlockingQueue<String> messages, StringBuilder partial) implements WebSocket.Listener {
        private Listener(BlockingQueue<String> messages) {
            this(messages, new StringBuilder());
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            partial.append(data);
            if (last) {
                messages.add(partial.toString());
                partial.setLength(0);
            }
            socket.request(1);
            return null;
        }
    }

    private String command(String method, String parameters) throws InterruptedException {
        int id = ++commands;
        socket.sendText("{\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":{" + parameters + "}}", true)
                .join();
        while (true) {
            String message = messages.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (message == null) {
                throw new AssertionError("chromium does not answer " + method);
            }
            if (message.startsWith("{\"id\":" + id + ",")) {
                return message;
            }
        }
    }

    /** The text of the element that a CSS selector finds; empty when there is none. */
    String text(String selector) throws InterruptedException {
        Matcher matcher = TEXT.matcher(command(
                "Runtime.evaluate",
                "\"expression\":\"(document.querySelector('" + selector + "') || {textContent: ''}).textContent\""));
        return matcher.find() ? matcher.group(1) : "";
    }

    /** What the page looks like, as PNG. */
    byte[] screenshot() throws InterruptedException {
        String answer = command("Page.captureScreenshot", "\"format\":\"png\"");
        Matcher matcher = DATA.matcher(answer);
        if (!matcher.find()) {
            throw new AssertionError("no screenshot: " + answer);
        }
        return Base64.getDecoder().decode(matcher.group(1));
    }

    @Override
    public void close() {
        socket.abort();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().join();
    }
}
