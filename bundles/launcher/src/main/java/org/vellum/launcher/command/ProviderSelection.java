// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.vellum.api.RegionOptions;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/**
 * The options by which every subcommand that opens regions chooses how: a picocli mixin
 * ({@code @Mixin ProviderSelection selection}).
 */
public final class ProviderSelection {
    /** Framework or system property: the store dax emulates persistent memory where there is none. */
    public static final String EMULATE_DAX = "vellum.dax.emulate";

    private static final String FORGETTING_STORE = "memory";

    private static final String DEFAULT = "${DEFAULT-VALUE}";
    private static final List<String> AXES = List.of("VMM backend", "page table", "strategy", "store");

    @Option(
            names = "--vmm",
            paramLabel = "NAME",
            defaultValue = RegionOptions.AUTO,
            converter = SelectorConverter.class,
            description = "VMM backend: a provider's name, or auto (default: " + DEFAULT + ")")
    private String vmm = RegionOptions.AUTO;

    @Option(
            names = "--pagetable",
            paramLabel = "NAME",
            defaultValue = RegionOptions.AUTO,
            converter = SelectorConverter.class,
            description = "page table: a provider's name, or auto (default: " + DEFAULT + ")")
    private String pageTable = RegionOptions.AUTO;

    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            defaultValue = RegionOptions.AUTO,
            converter = SelectorConverter.class,
            description = "strategy: a provider's name such as dirty-bit, or auto (default: " + DEFAULT + ")")
    private String strategy = RegionOptions.AUTO;

    @Option(
            names = "--store",
            paramLabel = "NAME",
            defaultValue = RegionOptions.AUTO,
            converter = SelectorConverter.class,
            description = "store: a provider's name such as file, or auto (default: " + DEFAULT + ")")
    private String store = RegionOptions.AUTO;

    @Option(
            names = "--dax-emulate",
            description =
                    "let the store dax take folders that are not on persistent memory: commits survive SIGKILL, not a"
                            + " power cut")
    private boolean emulateDax;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description = "size of the region, such as 64MiB (default: the command chooses)")
    private Long size;

    public String vmm() {
        return vmm;
    }

    public String pageTable() {
        return pageTable;
    }

    public String strategy() {
        return strategy;
    }

    public String store() {
        return store;
    }

    /**
     * For commands that kill what they start.
     *
     * @throws ParameterException the store asked for keeps nothing when its process ends
     */
    public void requireStoreThatOutlivesItsProcess(CommandLine command) {
        if (store.equals(FORGETTING_STORE)) {
            throw new ParameterException(
                    command,
                    "--store " + store + ": it keeps regions in the memory of the process, and this command kills the"
                            + " process; choose another, such as file, or dax with --dax-emulate");
        }
    }

    /** Bytes, at least 1; empty when the user left it to the command. */
    public OptionalLong size() {
        return size == null ? OptionalLong.empty() : OptionalLong.of(size);
    }

    /**
     * The same selection as command line arguments, to pass on to an application: the four {@code --axis NAME} pairs
     * always, {@code --size BYTES} when the user gave one.
     */
    public List<String> arguments() {
        List<String> arguments = new ArrayList<>(
                List.of("--vmm", vmm, "--pagetable", pageTable, "--strategy", strategy, "--store", store));
        if (size != null) {
            arguments.addAll(List.of("--size", Long.toString(size)));
        }
        return List.copyOf(arguments);
    }

    /** JVM flags that go with {@link #arguments}, for whoever passes these to an application in a JVM of its own. */
    public List<String> flags() {
        return emulateDax ? List.of("-D" + EMULATE_DAX + "=true") : List.of();
    }

    /**
     * What was asked for by name and is not in force: a strategy may have to give way to one that works on the host.
     *
     * @param inForce the four names, as a region's status prints them: {@code vmm/pagetable/strategy/store}
     * @return a sentence each, empty when all is as asked
     */
    public List<String> unmet(String inForce) {
        String[] names = inForce.split("/");
        if (names.length != AXES.size()) {
            throw new IllegalArgumentException("'" + inForce + "' names no tuple of " + AXES);
        }
        List<String> asked = List.of(vmm, pageTable, strategy, store);
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i < names.length; i++) {
            boolean byName =
                    !asked.get(i).equals(RegionOptions.AUTO) && !asked.get(i).startsWith("(");
            if (byName && !asked.get(i).equals(names[i])) {
                sentences.add(AXES.get(i) + " '" + asked.get(i) + "' was asked for, '" + names[i] + "' is in force");
            }
        }
        return List.copyOf(sentences);
    }

    /** Refuses the empty selector, which would read as "any provider" in one place and "none" in another. */
    static final class SelectorConverter implements ITypeConverter<String> {
        @Override
        public String convert(String value) {
            if (value.isBlank()) {
                throw new TypeConversionException("expected a provider's name or auto, not an empty text");
            }
            return value;
        }
    }

    /** Reads {@code 64MiB} as the API does. */
    static final class SizeConverter implements ITypeConverter<Long> {
        @Override
        public Long convert(String value) {
            try {
                return RegionOptions.size(value).size();
            } catch (RuntimeException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
