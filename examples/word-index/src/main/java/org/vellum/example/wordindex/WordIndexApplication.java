// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.RequireVellum;

/**
 * The index as a command: {@code word-index index|check --directory FOLDER --size SIZE FOLDER...}. Says on standard
 * output what it did, a line a step of {@code key=value} words, so that another program can follow.
 */
@RequireVellum
@Component(service = ToIntFunction.class, property = "vellum.application=word-index")
public final class WordIndexApplication implements ToIntFunction<List<String>> {
    private final RegionManager regions;

    @Activate
    public WordIndexApplication(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        try {
            return run(new Arguments(arguments), System.out);
        } catch (RegionException e) {
            System.err.println(e.getMessage()); // a sentence for the user, who chose what cannot be had here
            return 1;
        } catch (IOException | RuntimeException e) {
            System.out.println("error " + e.getMessage());
            e.printStackTrace();
            return 1;
        }
    }

    private int run(Arguments arguments, PrintStream out) throws IOException {
        try (Region region = regions.open(arguments.region, arguments.options)) {
            RegionStatus found = region.status();
            WordIndex index = new WordIndex(region, arguments.folders);
            out.println("opened epoch=" + found.epoch() + " address=" + Long.toHexString(region.address()) + " done="
                    + index.progress().files() + " providers=" + found.providers());
            return arguments.check ? check(index, region, out) : index(index, region, out);
        }
    }

    private static int index(WordIndex index, Region region, PrintStream out) throws IOException {
        index.update(new WordIndex.Listener() {
            @Override
            public void started(int files) {
                out.println("started files=" + files);
            }

            @Override
            public void committed(Path file, long epoch) {
                RegionStatus status = region.status();
                out.println(
                        "committed epoch=" + epoch + " done=" + index.progress().files() + " words="
                                + index.table().occurrences() + " distinct="
                                + index.table().distinctWords() + " commits="
                                + status.commits() + " stored=" + index.table().bytesStored() + " changed="
                                + status.changedBytes() + " logged=" + status.loggedBytes() + " file=" + file);
            }

            @Override
            public void skipped(Path file, String reason) {
                out.println("skipped " + reason);
            }
        });
        out.println("finished done=" + index.progress().files() + " text="
                + index.progress().textFiles());
        return 0;
    }

    private static int check(WordIndex index, Region region, PrintStream out) throws IOException {
        long differences = index.compareWithFreshCount(sentence -> out.println("difference " + sentence));
        out.println("compared distinct=" + index.table().distinctWords() + " words="
                + index.table().occurrences() + " differences=" + differences + " epoch="
                + region.status().epoch());
        return differences == 0 ? 0 : 1;
    }

    /** The command line. */
    static final class Arguments {
        private static final Map<String, String> DEFAULTS = Map.of(
                "--region", "words",
                "--size", "64 MiB",
                "--directory", "",
                "--vmm", RegionOptions.AUTO,
                "--pagetable", RegionOptions.AUTO,
                "--strategy", RegionOptions.AUTO,
                "--store", RegionOptions.AUTO);

        final boolean check;
        final String region;
        final RegionOptions options;
        final List<Path> folders = new ArrayList<>();

        Arguments(List<String> arguments) {
            if (arguments.isEmpty() || !List.of("index", "check").contains(arguments.get(0))) {
                throw new IllegalArgumentException("word-index " + arguments + ": expected 'index' or 'check' first");
            }
            check = arguments.get(0).equals("check");
            Map<String, String> values = new HashMap<>(DEFAULTS);
            for (int i = 1; i < arguments.size(); i++) {
                String argument = arguments.get(i);
                if (!argument.startsWith("--")) {
                    folders.add(Path.of(argument));
                } else if (!DEFAULTS.containsKey(argument)) {
                    throw new IllegalArgumentException("word-index: unknown option " + argument);
                } else if (++i == arguments.size()) {
                    throw new IllegalArgumentException("word-index: " + argument + " needs a value");
                } else {
                    values.put(argument, arguments.get(i));
                }
            }
            if (folders.isEmpty()) {
                throw new IllegalArgumentException("word-index: name at least one folder");
            }
            region = values.get("--region");
            RegionOptions chosen = RegionOptions.size(values.get("--size"))
                    .withVmm(values.get("--vmm"))
                    .withPageTable(values.get("--pagetable"))
                    .withStrategy(values.get("--strategy"))
                    .withStore(values.get("--store"));
            String directory = values.get("--directory");
            options = directory.isEmpty() ? chosen : chosen.withDirectory(Path.of(directory));
        }
    }
}
