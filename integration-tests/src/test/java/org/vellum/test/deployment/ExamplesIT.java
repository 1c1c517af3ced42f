// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The examples as their READMEs start them, killed and looked at again. The word index has its test in the demo. */
class ExamplesIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final Path DISTRIBUTION = ContainerProcess.built("vellum.test.distribution");
    private static final Pattern PLACED = Pattern.compile("placed number=(\\d+) epoch=\\d+");

    private static final Pattern COUNTED = Pattern.compile("line=(\\d+) epoch=\\d+ value=(.*)");

    @TempDir
    Path folder;

    private static ChildProcess vellum(String... arguments) {
        List<String> command = new ArrayList<>(List.of(Jdk.running().tool("java")));
        command.addAll(List.of(System.getProperty("vellum.test.jvm").trim().split("\\s+")));
        command.addAll(List.of("-jar", DISTRIBUTION.resolve("vellum.jar").toString()));
        command.addAll(List.of(arguments));
        return ChildProcess.start("vellum " + String.join(" ", arguments), Jdk.running(), command);
    }

    private static String[] with(List<String> arguments, String... more) {
        return Stream.concat(arguments.stream(), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void orderBook() throws Exception {
        long acknowledged;
        try (ChildProcess trading = vellum("application", "order-book", "trade", folder.toString(), "1000000")) {
            for (int i = 0; i < 200; i++) {
                trading.await("placed ", PATIENCE);
            }
            trading.kill();
            acknowledged = trading.printed().stream()
                    .map(PLACED::matcher)
                    .filter(matcher -> matcher.matches())
                    .mapToLong(matcher -> Long.parseLong(matcher.group(1)))
                    .max()
                    .orElseThrow();
        }
        try (ChildProcess check = vellum("application", "order-book", "check", folder.toString())) {
            String found = check.await("checked placed=", PATIENCE);
            check.succeed(PATIENCE);
            long placed = Long.parseLong(found.substring(0, found.indexOf(' ')));
            // each of the two threads may have had one order durable that it had not printed yet
            assertTrue(placed >= acknowledged && placed <= acknowledged + 2, found + " after order " + acknowledged);
            assertTrue(found.endsWith(" contradictions=0"), found);
        }
    }

    /** Killed, and gone on with in a process in which Lua's library is elsewhere. */
    @Test
    void luaNotebook() throws Exception {
        Skip.unless(
                Stream.of("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")
                        .anyMatch(place -> Files.exists(Path.of(place, "liblua5.4.so.0"))),
                "the Lua notebook",
                "no liblua5.4.so.0 (Debian package liblua5.4-0)");
        String count = "n = (n or 0) + 1; t = t or {}; t[n] = function() return n end; return n";
        String library;
        long acknowledged;
        try (ChildProcess counting = vellum("application", "lua-notebook", folder.toString(), count, "1000000")) {
            String opened = counting.await("opened lines=0 heap=NEW ", PATIENCE);
            library = opened;
            for (int i = 0; i < 100; i++) {
                counting.await("line=", PATIENCE);
            }
            counting.kill();
            acknowledged = counting.printed().stream()
                    .map(COUNTED::matcher)
                    .filter(Matcher::matches)
                    .mapToLong(matcher -> Long.parseLong(matcher.group(1)))
                    .max()
                    .orElseThrow();
        }
        try (ChildProcess next = vellum("application", "lua-notebook", folder.toString(), "t[n]() .. ' ' .. #t")) {
            String opened = next.await("opened lines=", PATIENCE);
            String value = "line=" + next.await("line=", PATIENCE);
            next.succeed(PATIENCE);
            // without address space randomisation the library may be where it was
            String heap = opened.endsWith(library) ? "RESUMED" : "REBUILT";
            assertTrue(opened.contains(" heap=" + heap + " "), opened + ", before at " + library);
            Matcher counted = COUNTED.matcher(value);
            assertTrue(counted.matches(), value);
            String[] numbers = counted.group(2).split(" ");
            long found = Long.parseLong(numbers[0]);
            assertTrue(found == acknowledged || found == acknowledged + 1, found + " after " + acknowledged);
            assertEquals(numbers[0], numbers[1]);
        }
    }

    /** Killed while four threads vote: each commit has both words of a vote or neither, and none that was committed is missing. */
    @Test
    void votes() throws Exception {
        int threads = 4;
        String features = "--feature=" + DISTRIBUTION.resolve("features/");
        List<String> run = List.of("run", "--storage=" + folder, features + "/vellum.json", features + "/votes.json");
        List<String> commands = new ArrayList<>(List.of("--command=votes:rush " + threads));
        for (int second = 0; second < PATIENCE.toSeconds(); second++) {
            commands.addAll(List.of("--command=sleep 1", "--command=votes:show"));
        }
        long shown = 0;
        try (ChildProcess rush = vellum(with(run, commands.toArray(String[]::new)))) {
            while (shown < 10L * threads) {
                shown = total(rush.await("total ", PATIENCE));
            }
            rush.kill();
        }
        try (ChildProcess show = vellum(with(run, "--command=votes:show"))) {
            String text = show.await("total ", PATIENCE);
            show.succeed(PATIENCE);
            long found = total(text);
            String[] votes = text.substring(text.indexOf(':') + 2).split(" ");
            assertEquals(found, Stream.of(votes).mapToLong(Long::parseLong).sum(), text);
            // each thread may have been about to commit the vote that was shown
            assertTrue(found >= shown - threads, found + " after " + shown);
        }
    }

    private static long total(String totalAndVotes) {
        return Long.parseLong(totalAndVotes.substring(0, totalAndVotes.indexOf(':')));
    }

    @Test
    void visits() throws Exception {
        for (int visit = 1; visit <= 2; visit++) {
            try (ChildProcess run = vellum(
                    "run",
                    "--storage=" + folder,
                    "--feature=" + DISTRIBUTION.resolve("features/vellum.json"),
                    "--feature=" + DISTRIBUTION.resolve("features/visits.json"),
                    "--command=while { true } { sleep 1000 }")) {
                // it says so when the region's service has come
                assertEquals(Integer.toString(visit), run.await("visits: ", PATIENCE));
            }
        }
    }
}
