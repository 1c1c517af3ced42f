package org.vellum.test.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Stack;

/** The child of {@link ResourceLeaksIT}: opens and closes regions and says what the process then holds. */
final class ResourceLeakProbe {
    private static final int SIZE = 3 << 20;
    private static final int BEFORE = 20;
    private static final int REGIONS = 200;
    private static final List<String> STRATEGIES = List.of(StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT);

    private ResourceLeakProbe() {}

    /** What the process holds, each kind of thing with its number. */
    private static Map<String, Long> held() throws IOException {
        Map<String, Long> held = new TreeMap<>();
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            files.forEach(file -> held.merge("file " + target(file), 1L, Long::sum));
        }
        Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !thread.getName().startsWith("process reaper"))
                .forEach(thread -> held.merge("thread " + numberless(thread.getName()), 1L, Long::sum));
        held.putAll(mappings());
        return held;
    }

    /** So that things of one kind count as one. */
    private static String numberless(String name) {
        return name.replaceAll("[0-9]+", "#");
    }

    private static String target(Path file) {
        try {
            return numberless(Files.readSymbolicLink(file).toString());
        } catch (IOException e) {
            return "gone"; // the listing's own descriptor
        }
    }

    /**
     * Mappings of files and of our own address ranges. The anonymous ones elsewhere are the JVM's heaps and malloc's
     * arenas, which come and go by themselves.
     */
    private static Map<String, Long> mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> !line.contains("memfd:vellum-retired"))
                    .filter(line -> line.startsWith("3") && line.indexOf('-') == 12 || line.contains(" /"))
                    .map(line -> "mapping " + numberless(line.replaceFirst("^\\S+ \\S+ \\S+ ", "")))
                    .collect(Collectors.groupingBy(line -> line, TreeMap::new, Collectors.counting()));
        }
    }

    private static void use(Stack stack, Path folder, int number) {
        String name = "region-" + number;
        RegionOptions options = RegionOptions.size(SIZE)
                .withDirectory(folder)
                .withLogSize(64 << 10)
                .withStrategy(STRATEGIES.get(number % STRATEGIES.size()));
        try (Region region = stack.regions().open(name, options)) {
            region.buffer(number, Long.BYTES).putLong(0, number);
            region.buffer(SIZE / 2, Long.BYTES).putLong(0, number);
            region.commit();
            region.buffer(SIZE - Long.BYTES, Long.BYTES).putLong(0, number);
        }
    }

    /** Argument: the folder of the regions. Exit status 1 if more is held in the end than in the beginning. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (Stack stack = Stack.start()) {
            for (int i = 0; i < BEFORE; i++) {
                use(stack, folder, i);
            }
            Map<String, Long> before = held();
            for (int i = 0; i < REGIONS; i++) {
                use(stack, folder, BEFORE + i);
            }
            Map<String, Long> after = held();
            boolean leaks = false;
            for (Map.Entry<String, Long> entry : after.entrySet()) {
                long more = entry.getValue() - before.getOrDefault(entry.getKey(), 0L);
                if (more > 0) {
                    System.out.println("leaked after " + REGIONS + " regions: " + more + " x " + entry.getKey());
                    leaks |= more >= REGIONS / 10;
                }
            }
            if (leaks) {
                System.exit(1);
            }
        }
    }
}
