// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** The application {@code probe}: prints its process id and its arguments; the first says what to do then. */
public final class ProbeApplication implements BundleActivator, ToIntFunction<List<String>> {
    /** More than a reader's buffers hold, less than a pipe does. */
    static final int LINES = 4000;

    @Override
    public void start(BundleContext context) {
        context.registerService(ToIntFunction.class, this, new Hashtable<>(Map.of("vellum.application", "probe")));
    }

    @Override
    public void stop(BundleContext context) {
        System.out.println("stopped");
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        System.out.println(ProcessHandle.current().pid());
        arguments.forEach(System.out::println);
        switch (arguments.get(0)) {
            case "return":
                return Integer.parseInt(arguments.get(1));
            case "wait":
                return waitForever();
            case "write":
                // LINES lines, then the file that says so
                for (int line = 0; line < LINES; line++) {
                    System.out.println("line " + line);
                }
                try {
                    Files.createFile(Path.of(arguments.get(1)));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                return waitForever();
            default:
                throw new IllegalArgumentException(arguments.get(0));
        }
    }

    private static int waitForever() {
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return 0;
    }
}
