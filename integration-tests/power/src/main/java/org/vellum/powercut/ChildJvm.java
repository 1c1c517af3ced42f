// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM like this one, on the same class path. */
final class ChildJvm {
    private ChildJvm() {}

    static List<String> command(Class<?> main, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!flag.startsWith("-agentlib") && !flag.startsWith("-javaagent") && !flag.startsWith("-X")) {
                command.add(flag);
            }
        }
        String libraries = System.getProperty("jna.library.path");
        if (libraries != null) {
            command.add("-Djna.library.path=" + libraries);
        }
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(arguments);
        return command;
    }

    /** As {@link #command}, with mounts of its own: nobody else sees them, and they end with it. */
    static List<String> commandWithOwnMounts(Class<?> main, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of("unshare", "--mount", "--propagation", "private"));
        command.addAll(command(main, arguments));
        return command;
    }

    /** Ends this process when the one that started it has ended, however that was. */
    @SuppressWarnings("FutureReturnValueIgnored") // this process ends by it
    static void endWithParent() {
        ProcessHandle.current()
                .parent()
                .ifPresent(parent ->
                        parent.onExit().thenRun(() -> Runtime.getRuntime().halt(1)));
    }
}
