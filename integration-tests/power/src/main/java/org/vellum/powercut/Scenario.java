// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What runs on a recorded disk.
 *
 * @param system the file system
 * @param acts what the program does beside committing
 * @param strategy that writes the log
 * @param steps the number of the last step
 * @param lives processes one after the other, without a power cut between them
 * @param seed decides what is stored
 * @param logSize a size, such as {@code 256 KiB}
 * @param commands to the disk, when the first process starts
 * @param lie a call and a number: so often such a call is none; else empty
 * @param first what was promised before, on a disk that is not new
 */
record Scenario(
        FileSystem system,
        Set<Act> acts,
        String strategy,
        int steps,
        int lives,
        long seed,
        String logSize,
        List<String> commands,
        String lie,
        Promise first) {

    private static final int BLOCK = 4096;

    enum Act {
        /** Close and reopen. */
        REOPEN,
        /** Move from one folder to the other and back. */
        MOVE,
        /** End by SIGKILL, in the middle of a commit. */
        KILL,
        /** A batch is damaged, and {@code verify --repair --in-place} repairs it. */
        REPAIR,
        /** The disk is full for a while. */
        FULL,
        /** Others sync files on the same disk, and it is slow. */
        BUSY
    }

    static Scenario of(FileSystem system, String strategy, long seed, Act... acts) {
        Set<Act> all = acts.length == 0 ? Set.of() : EnumSet.copyOf(Arrays.asList(acts));
        boolean repair = all.contains(Act.REPAIR);
        int lives = repair ? 2 : all.contains(Act.KILL) ? 6 : 1;
        // to be repaired, a log must not have been trimmed
        return new Scenario(
                system,
                all,
                strategy,
                repair ? 24 : 60,
                lives,
                seed,
                repair ? "6 MiB" : "256 KiB",
                List.of(),
                "",
                Promise.NOTHING);
    }

    Scenario withCommands(String... newCommands) {
        return new Scenario(system, acts, strategy, steps, lives, seed, logSize, List.of(newCommands), lie, first);
    }

    Scenario withLie(String newLie) {
        return new Scenario(system, acts, strategy, steps, lives, seed, logSize, commands, newLie, first);
    }

    Scenario withSteps(int newSteps) {
        return new Scenario(system, acts, strategy, newSteps, lives, seed, logSize, commands, lie, first);
    }

    /** What goes on where a power cut of this one left the disk. */
    Scenario then(Promise left) {
        return new Scenario(
                system, Set.of(), strategy, (int) Math.max(0, left.begun()) + 6, 1, seed, logSize, List.of(), "", left);
    }

    /** Whether it is among the disk's faults that requests fail. */
    boolean diskFails() {
        return commands.stream().anyMatch(command -> command.contains("FAULT"));
    }

    /** Bytes that the medium writes as a whole. */
    int tear() {
        // on errors ext4 writes its superblock where it is, without its journal, and takes it for as good as a block
        return diskFails() && system.hasChecker() ? Math.max(BLOCK, system.tear()) : system.tear();
    }

    boolean does(Act act) {
        return acts.contains(act);
    }

    String actsText() {
        return acts.isEmpty()
                ? "commits"
                : acts.stream().map(act -> act.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining("+"));
    }

    static Set<Act> parseActs(String text) {
        Set<Act> acts = EnumSet.noneOf(Act.class);
        for (String word : text.split("\\+")) {
            if (!word.equals("commits")) {
                acts.add(act(word));
            }
        }
        return acts;
    }

    private static Act act(String word) {
        try {
            return Act.valueOf(word.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new WrongUsage("there is no scenario '" + word + "'; there are commits, "
                    + Arrays.stream(Act.values())
                            .map(act -> act.name().toLowerCase(Locale.ROOT))
                            .collect(Collectors.joining(", ")));
        }
    }

    @Override
    public String toString() {
        return system.label() + ", " + actsText() + ", " + strategy
                + (commands.isEmpty() ? "" : ", " + String.join("; ", commands).toLowerCase(Locale.ROOT))
                + (lie.isEmpty()
                        ? ""
                        : ", every " + lie.replaceAll("(.*) 1$", "$1").replaceAll("(.*) (\\d+)$", "$2th $1")
                                + " is a lie")
                + (first.equals(Promise.NOTHING) ? "" : ", behind a power cut");
    }

    void save(Path file) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("system", system.label());
        properties.setProperty("acts", actsText());
        properties.setProperty("strategy", strategy);
        properties.setProperty("steps", Integer.toString(steps));
        properties.setProperty("lives", Integer.toString(lives));
        properties.setProperty("seed", Long.toString(seed));
        properties.setProperty("log", logSize);
        properties.setProperty("commands", String.join("\n", commands));
        properties.setProperty("lie", lie);
        properties.setProperty("acknowledged", Long.toString(first.acknowledged()));
        properties.setProperty("begun", Long.toString(first.begun()));
        properties.setProperty(
                "withdrawn", first.withdrawn().stream().map(String::valueOf).collect(Collectors.joining(",")));
        try (Writer out = Files.newBufferedWriter(file)) {
            properties.store(out, null);
        }
    }

    static Scenario load(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            properties.load(in);
        }
        long acknowledged = Long.parseLong(properties.getProperty("acknowledged"));
        long begun = Long.parseLong(properties.getProperty("begun"));
        Set<Long> withdrawn = numbers(properties.getProperty("withdrawn"));
        Promise first = acknowledged < 0 && begun < 0
                ? Promise.NOTHING
                : new Promise(acknowledged, begun, withdrawn, Promise.Repair.NONE, -1, "opened");
        String commands = properties.getProperty("commands");
        return new Scenario(
                FileSystem.of(properties.getProperty("system")),
                parseActs(properties.getProperty("acts")),
                properties.getProperty("strategy"),
                Integer.parseInt(properties.getProperty("steps")),
                Integer.parseInt(properties.getProperty("lives")),
                Long.parseLong(properties.getProperty("seed")),
                properties.getProperty("log"),
                commands.isEmpty() ? List.of() : List.of(commands.split("\n")),
                properties.getProperty("lie"),
                first);
    }

    private static Set<Long> numbers(String text) {
        Set<Long> numbers = new TreeSet<>();
        for (String number : text.split(",")) {
            if (!number.isEmpty()) {
                numbers.add(Long.parseLong(number));
            }
        }
        return numbers;
    }
}
