// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.vellum.api.RegionOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** Runs benchmarks by name. What {@code vellum bench} starts. */
@Command(name = "bench", description = "Measure regions; print tables and whether the bounds held.")
public final class BenchmarkCommand implements Callable<Integer> {
    private static final List<Benchmark> BENCHMARKS = List.of(
            new LoggedBytesBenchmark(),
            new OpenBenchmark(),
            new MemoryBenchmark(),
            new FirstStoreBenchmark(),
            new AgainstAppendBenchmark(),
            new DirtyPagesBenchmark(),
            new EpochSizeBenchmark(),
            new GroupCommitBenchmark(),
            new TrackingBenchmark(),
            new SwappingBenchmark(),
            new ComputeBenchmark());

    private static final List<String> STRATEGIES = List.of("write-protect", "dirty-bit");

    @Parameters(paramLabel = "NAME", description = "which ones (default: all)")
    private List<String> names = new ArrayList<>();

    @Option(names = "--vmm", defaultValue = RegionOptions.AUTO, description = "VMM backend")
    private String vmm;

    @Option(names = "--pagetable", defaultValue = RegionOptions.AUTO, description = "page table")
    private String pageTable;

    @Option(names = "--strategy", defaultValue = RegionOptions.AUTO, description = "strategy; auto measures each")
    private String strategy;

    @Option(names = "--store", defaultValue = RegionOptions.AUTO, description = "store")
    private String store;

    @Option(names = "--size", defaultValue = "256MiB", description = "of the region, where the question leaves it open")
    private String size;

    @Option(names = "--directory", defaultValue = "${sys:java.io.tmpdir}", description = "on the device to measure")
    private Path directory;

    @Option(names = "--seconds", defaultValue = "20", description = "one measurement takes at most this long")
    private int seconds;

    @Option(names = "--markdown", description = "tables in Markdown")
    private boolean markdown;

    @Option(names = "--check", description = "exit with 1 when a bound did not hold")
    private boolean check;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec specification;

    public static void main(String[] arguments) {
        Quiet.regions();
        System.exit(new CommandLine(new BenchmarkCommand())
                .setParameterExceptionHandler(BenchmarkCommand::wrongUsage)
                .execute(arguments));
    }

    private static int wrongUsage(ParameterException exception, String[] arguments) {
        System.err.println("vellum bench: " + exception.getMessage());
        return CommandLine.ExitCode.USAGE;
    }

    @Override
    public Integer call() {
        List<Benchmark> chosen = chosen();
        Report report = new Report(System.out, markdown);
        Workbench.Selection selection = new Workbench.Selection(
                vmm,
                pageTable,
                strategy.equals(RegionOptions.AUTO) ? STRATEGIES : List.of(strategy),
                store,
                RegionOptions.size(size).size(),
                Duration.ofSeconds(seconds));
        System.out.println(Machine.describe(directory));
        System.out.println("figures are min / median / max");
        try (Workbench workbench = new Workbench(directory, selection)) {
            for (Benchmark benchmark : chosen) {
                report.heading(benchmark.name() + ": " + benchmark.question());
                long started = System.nanoTime();
                benchmark.run(workbench, report);
                report.took(System.nanoTime() - started);
            }
        }
        boolean held = report.conclude();
        return held || !check ? 0 : 1;
    }

    private List<Benchmark> chosen() {
        if (names.isEmpty()) {
            return BENCHMARKS;
        }
        return names.stream().map(this::benchmark).toList();
    }

    private Benchmark benchmark(String name) {
        return BENCHMARKS.stream()
                .filter(benchmark -> benchmark.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ParameterException(
                        specification.commandLine(),
                        "no benchmark '" + name + "'; there are: "
                                + BENCHMARKS.stream().map(Benchmark::name).collect(Collectors.joining(", "))));
    }
}
