// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.documents;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the documents name is there. */
class DocumentsTest {
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final Pattern COMMAND = Pattern.compile("\\./vellum ([a-z][a-z-]*)");
    private static final Pattern SHELL_COMMAND = Pattern.compile("(?<![.\\w])(vellum|votes):([a-z]+)\\b");
    private static final Pattern LAUNCHER_NAME = Pattern.compile("\\b(?:name|NAME) = \"([a-z-]+)\"");
    private static final Pattern SCRIPT_CASE = Pattern.compile("(?m)^ {4}([a-z][a-z |-]*)\\)$");
    private static final Pattern SCRIPT_COMPARISON = Pattern.compile("\\$command == ([a-z-]+)");
    private static final Pattern SHELL_FUNCTION = Pattern.compile("osgi\\.command\\.function=([a-z]+)");
    /** Literals that the compiler joins, in Java and in C. */
    private static final Pattern JOINED_LITERALS = Pattern.compile("\"\\s*\\+?\\s*\"");

    private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");
    private static final int FRAGMENT = 8;
    private static final Pattern SOURCE = Pattern.compile(
            "`((?:benchmarks|bundles|docs|examples|features|integration-tests|native)/[A-Za-z0-9_./-]+)`");

    /** What builds make. */
    private static final Pattern BUILT = Pattern.compile("(^|/)target(/|$)");

    private static final Pattern FILE_OF_BLOCK = Pattern.compile("<!-- from (\\S+) -->");

    @Test
    void everyRelativeLinkLeadsToAFileAndItsHeading() throws IOException {
        List<String> broken = new ArrayList<>();
        for (Page page : Page.all()) {
            Matcher link = LINK.matcher(page.text());
            while (link.find()) {
                if (!link.group(1).matches("[a-z]+:.*") && !leadsSomewhere(page, link.group(1))) {
                    broken.add(page + ": " + link.group(1));
                }
            }
        }
        assertEquals(List.of(), broken);
    }

    private static boolean leadsSomewhere(Page page, String target) {
        int hash = target.indexOf('#');
        String path = hash < 0 ? target : target.substring(0, hash);
        Path file = path.isEmpty() ? page.file() : page.file().resolveSibling(path);
        return Files.exists(file)
                && (hash < 0 || Page.read(file.normalize()).anchors().contains(target.substring(hash + 1)));
    }

    @Test
    void everySourceThatIsNamedByItsPathIsThere() throws IOException {
        Set<String> missing = new TreeSet<>();
        for (Page page : Page.all()) {
            Matcher source = SOURCE.matcher(String.join("\n", page.prose()));
            while (source.find()) {
                if (!BUILT.matcher(source.group(1)).find() && !Files.exists(Page.ROOT.resolve(source.group(1)))) {
                    missing.add(page + ": " + source.group(1));
                }
            }
        }
        assertEquals(Set.of(), missing);
    }

    @Test
    void everyCommandOfTheEntryPointIsThere() throws IOException {
        Set<String> commands = new TreeSet<>();
        for (Path source : Page.below(Page.ROOT.resolve("bundles"), ".java")) {
            String text = Files.readString(source);
            if (text.contains("@Command(")) {
                addAll(commands, LAUNCHER_NAME, text);
            }
        }
        String script = Files.readString(Page.ROOT.resolve("vellum"));
        addAll(commands, SCRIPT_CASE, script);
        addAll(commands, SCRIPT_COMPARISON, script);
        assertTrue(commands.containsAll(Set.of("demo", "build", "clean", "run")), commands.toString());

        assertEquals(Set.of(), named(COMMAND, 1, commands));
    }

    @Test
    void everyCommandOfTheShellIsThere() throws IOException {
        Set<String> commands = new TreeSet<>(Set.of("command", "prompt"));
        for (String folder : List.of("bundles", "examples")) {
            for (Path source : Page.below(Page.ROOT.resolve(folder), ".java")) {
                addAll(commands, SHELL_FUNCTION, Files.readString(source));
            }
        }
        assertTrue(commands.containsAll(Set.of("status", "swap", "cast")), commands.toString());

        assertEquals(Set.of(), named(SHELL_COMMAND, 2, commands));
    }

    /** What pages name beside what there is. */
    private static Set<String> named(Pattern pattern, int group, Set<String> known) throws IOException {
        Set<String> unknown = new TreeSet<>();
        for (Page page : Page.all()) {
            Matcher named = pattern.matcher(String.join("\n", page.lines()));
            while (named.find()) {
                if (!known.contains(named.group(group))) {
                    unknown.add(page + ": " + named.group());
                }
            }
        }
        return unknown;
    }

    private static void addAll(Set<String> commands, Pattern pattern, String text) {
        Matcher found = pattern.matcher(text);
        while (found.find()) {
            commands.addAll(List.of(found.group(1).split(" *\\| *")));
        }
    }

    /** A block under {@code <!-- from FILE -->} is a piece of that file, whatever the indentation. */
    @Test
    void codeThatIsTakenFromAFileIsInThatFile() throws IOException {
        int compared = 0;
        for (Page page : Page.all()) {
            for (Page.Block block : page.blocks()) {
                Matcher from = FILE_OF_BLOCK.matcher(block.before());
                if (from.matches()) {
                    Path file = Page.ROOT.resolve(from.group(1));
                    assertTrue(
                            withoutIndentation(Files.readString(file)).contains(withoutIndentation(block.text())),
                            page + ": the code is not in " + from.group(1) + " as it is here:\n" + block.text());
                    compared++;
                }
            }
        }
        assertTrue(compared > 0, "no page has code from a file");
    }

    private static String withoutIndentation(String text) {
        return text.replaceAll("(?m)^\\s+|\\s+$", "");
    }

    @Test
    void everyPageIsInTheIndex() throws IOException {
        Set<String> missing = new TreeSet<>();
        Page index = Page.read(Page.ROOT.resolve("docs/README.md"));
        for (Path file : Page.below(Page.ROOT.resolve("docs"), ".md")) {
            String name = Page.ROOT.resolve("docs").relativize(file).toString();
            if (!name.equals("README.md") && !index.text().contains("](" + name + ")")) {
                missing.add(name);
            }
        }
        assertEquals(Set.of(), missing);
    }

    /** The first column of its tables quotes what the sources say, with … for what is put in. */
    @Test
    void everySentenceOfTheTroubleshootingIsOneOfTheSources() throws IOException {
        StringBuilder sources = new StringBuilder(Files.readString(Page.ROOT.resolve("vellum")));
        List<Path> files = new ArrayList<>(Page.below(Page.ROOT.resolve("bundles"), ".java"));
        files.addAll(Page.below(Page.ROOT.resolve("native/src"), ".c"));
        files.addAll(Page.below(Page.ROOT.resolve("native/src"), ".h"));
        for (Path file : files) {
            if (!file.toString().contains("/src/test/")) {
                sources.append(JOINED_LITERALS.matcher(Files.readString(file)).replaceAll(""));
            }
        }
        Set<String> unknown = new TreeSet<>();
        int compared = 0;
        for (String line :
                Page.read(Page.ROOT.resolve("docs/troubleshooting.md")).lines()) {
            Matcher quoted = QUOTED.matcher(line.startsWith("| `") ? line.substring(0, line.indexOf(" | ")) : "");
            while (quoted.find()) {
                for (String fragment : quoted.group(1).split("…")) {
                    if (fragment.strip().length() >= FRAGMENT) {
                        compared++;
                        if (sources.indexOf(fragment.strip()) < 0) {
                            unknown.add(fragment.strip());
                        }
                    }
                }
            }
        }
        assertEquals(Set.of(), unknown);
        assertTrue(compared > 50, compared + " fragments");
    }
}
