// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.documents;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A page in Markdown, its prose told from its blocks of code. */
record Page(Path file, List<String> lines) {
    private static final Pattern HEADING = Pattern.compile("#{1,6} +(.*?)(?: +#+)?");
    private static final Pattern EXPLICIT_ANCHOR = Pattern.compile("<a (?:id|name)=\"([^\"]+)\">");
    private static final Pattern QUOTED_CODE = Pattern.compile("`[^`]*`");

    /** The repository. */
    static final Path ROOT = Path.of(System.getProperty("basedir", "."))
            .toAbsolutePath()
            .normalize()
            .resolve("../..")
            .normalize();

    /** A fenced block of code, and the line before it. */
    record Block(String before, String language, String text) {}

    static Page read(Path file) {
        try {
            return new Page(file, Files.readAllLines(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Every page of the repository, what builds leave behind left out. */
    static List<Page> all() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path top : List.of(ROOT.resolve("docs"), ROOT.resolve("bundles"), ROOT.resolve("examples"))) {
            files.addAll(below(top, ".md"));
        }
        try (Stream<Path> list = Files.list(ROOT)) {
            list.filter(file -> file.toString().endsWith(".md")).forEach(files::add);
        }
        return files.stream().sorted().map(Page::read).toList();
    }

    /** The sources below a folder, without what builds leave behind. */
    static List<Path> below(Path folder, String ending) throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(file -> file.toString().endsWith(ending))
                    .filter(file -> !ROOT.relativize(file).toString().contains("target/"))
                    .toList();
        }
    }

    /** Its lines without fenced blocks. */
    List<String> prose() {
        List<String> prose = new ArrayList<>();
        boolean code = false;
        for (String line : lines) {
            if (line.strip().startsWith("```")) {
                code = !code;
            } else if (!code) {
                prose.add(line);
            }
        }
        return prose;
    }

    /** Its prose in one text, without what is quoted as code. */
    String text() {
        return QUOTED_CODE.matcher(String.join("\n", prose())).replaceAll("``");
    }

    List<Block> blocks() {
        List<Block> blocks = new ArrayList<>();
        String before = "";
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.startsWith("```")) {
                before = line.isEmpty() ? before : line;
                continue;
            }
            StringBuilder text = new StringBuilder();
            while (!lines.get(++i).strip().startsWith("```")) {
                text.append(lines.get(i)).append('\n');
            }
            blocks.add(new Block(before, line.substring(3), text.toString()));
            before = "";
        }
        return blocks;
    }

    /** What may follow {@code #} in a link to it: headings in lower case, spaces as hyphens, a number for a repeated one. */
    Set<String> anchors() {
        Set<String> anchors = new HashSet<>();
        Map<String, Integer> times = new HashMap<>();
        for (String line : prose()) {
            Matcher heading = HEADING.matcher(line);
            if (heading.matches()) {
                String anchor = heading.group(1)
                        .replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N}_ -]", "")
                        .replace(' ', '-');
                int repeated = times.merge(anchor, 1, Integer::sum) - 1;
                anchors.add(repeated == 0 ? anchor : anchor + "-" + repeated);
            }
            Matcher explicit = EXPLICIT_ANCHOR.matcher(line);
            while (explicit.find()) {
                anchors.add(explicit.group(1));
            }
        }
        return anchors;
    }

    @Override
    public String toString() {
        return ROOT.relativize(file).toString();
    }
}
