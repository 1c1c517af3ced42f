// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher;

import java.util.concurrent.Callable;
import org.vellum.launcher.command.CommandFailure;
import picocli.CommandLine.Model.CommandSpec;

/** What the script {@code ./vellum} does before there is anything to run: here for the help and the completion. */
enum EntryPointCommand {
    BUILD("build", "Build from source what is newer than the distribution."),
    TEST(
            "test",
            "Build, and run every test; with --quick those that take seconds; or the tests of WHAT...: folders below bundles/"
                    + " such as core/runtime, native, native:REGEX, names of test classes."),
    INSTALL("install", "Put jars, sources, Javadoc and POMs into the local Maven repository."),
    TEST_QEMU("test-qemu", "Run tests in emulated machines: KVM by the manual, persistent memory."),
    FUZZ("fuzz", "Fuzz recovery and the native parser, for --seconds N (default: 600)."),
    SCHEDULES(
            "schedules",
            "Run the runtime's threads by chosen schedules: --count N (default: 100000), --seed N; needs a JDK 25."),
    MUTATE(
            "mutate",
            "Make mistakes in the code, one at a time, and see which no test notices: native [MUTANT...], or java [--module"
                    + " core/runtime|store/image] [--classes PATTERN]."),
    COVERAGE("coverage", "Measure which code of the bundles the unit tests reach."),
    REPRODUCE("reproduce", "Build a second time in another folder, and compare the two distributions."),
    CLEAN("clean", "Remove everything the build made.");

    private final String name;
    private final String description;

    EntryPointCommand(String name, String description) {
        this.name = name;
        this.description = description;
    }

    CommandSpec specification() {
        Callable<Integer> refusal = () -> {
            throw new CommandFailure("this works on the source: run './vellum " + name + "' in its folder");
        };
        CommandSpec specification = CommandSpec.wrapWithoutInspection(refusal).name(name);
        specification.usageMessage().description(description);
        return specification;
    }
}
