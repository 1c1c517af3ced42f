// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Stack;

/** Another process with the whole stack, which does with one region what its standard input says, until that ends. */
final class ScriptedChild implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final String REPLY = "reply: ";

    private final ChildProcess process;

    private ScriptedChild(ChildProcess process) {
        this.process = process;
    }

    /** Starts it and has it open a region. */
    static ScriptedChild open(String name, Path folder, String strategy, long size) throws Exception {
        ScriptedChild child = new ScriptedChild(ChildProcess.start(ScriptedChild.class));
        child.process.send("open " + name + " " + strategy + " " + size + " " + folder);
        child.process.await(REPLY, PATIENCE);
        return child;
    }

    long pid() {
        return process.pid();
    }

    long address() throws Exception {
        return ask("address");
    }

    void store(long offset, long value) throws Exception {
        ask("store " + offset + " " + value);
    }

    long load(long offset) throws Exception {
        return ask("load " + offset);
    }

    long commit() throws Exception {
        return ask("commit");
    }

    /** Has it store and commit 1, 2, 3, … until it is killed; {@link #acknowledged} receives them. */
    void count() throws Exception {
        process.send("count");
    }

    /** The next number whose commit the child has seen return. */
    long acknowledged() throws Exception {
        return Long.parseLong(process.await(REPLY, PATIENCE));
    }

    /** The numbers acknowledged by a child that is dead, in order. */
    long lastAcknowledged() {
        return process.printed().stream()
                .filter(line -> line.startsWith(REPLY))
                .mapToLong(line -> Long.parseLong(line.substring(REPLY.length())))
                .max()
                .orElseThrow();
    }

    private long ask(String command) throws Exception {
        process.send(command);
        return Long.parseLong(process.await(REPLY, PATIENCE));
    }

    /** SIGKILL. */
    void kill() {
        process.kill();
    }

    @Override
    public void close() {
        process.close();
    }

    /** Where {@link #count} stores its number: three pages apart, in lines of their own. */
    static long[] countedOffsets(long size) {
        return new long[] {64, size / 2, size - 64};
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Stack stack = Stack.start()) {
            Region region = null;
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                String[] words = line.split(" ", 5);
                try {
                    long reply = switch (words[0]) {
                        case "open" -> {
                            region = stack.regions()
                                    .open(
                                            words[1],
                                            RegionOptions.size(Long.parseLong(words[3]))
                                                    .withDirectory(Path.of(words[4]))
                                                    .withStrategy(words[2]));
                            yield region.status().epoch();
                        }
                        case "address" -> region.address();
                        case "store" -> {
                            region.buffer(Long.parseLong(words[1]), Long.BYTES).putLong(0, Long.parseLong(words[2]));
                            yield 0;
                        }
                        case "load" ->
                            region.buffer(Long.parseLong(words[1]), Long.BYTES).getLong(0);
                        case "commit" -> region.commit();
                        case "count" -> count(region);
                        default -> throw new IllegalArgumentException(line);
                    };
                    System.out.println(REPLY + reply);
                } catch (RegionException e) {
                    e.printStackTrace();
                    System.exit(1);
                }
            }
        }
    }

    private static long count(Region region) {
        ByteBuffer all = region.buffer(0, (int) region.size());
        for (long number = 1; ; number++) {
            for (long offset : countedOffsets(region.size())) {
                all.putLong((int) offset, number);
            }
            region.commit();
            System.out.println(REPLY + number);
        }
    }
}
