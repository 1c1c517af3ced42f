// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Bundles in a framework whose locale has digits of its own, or a dotless i: what one locale stored every other one opens, and
 * numbers in sentences are the same for all. (Felix itself does not start in such a locale; see {@code docs/deploying.md}.)
 */
class ForeignLocaleIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final List<String> LOCALES = List.of(
            "ar-EG-u-nu-arab", "hi-IN-u-nu-deva", "fa-IR-u-nu-arabext", "my-MM-u-nu-mymr", "th-TH-u-nu-thai", "tr-TR");
    private static final long SIZE = 1 << 20;

    @TempDir
    Path folder;

    @Test
    void whatOneLocaleStoredEveryOtherOpensAndNumbersAreTheSame() throws Exception {
        try (ChildProcess child =
                ChildProcess.start(Map.of("LC_ALL", "C.UTF-8"), ForeignLocaleIT.class, folder.toString())) {
            child.succeed(PATIENCE);
            for (String locale : LOCALES) {
                assertTrue(child.printed().contains("done " + locale), () -> String.join("\n", child.printed()));
            }
            for (String line : child.printed()) {
                assertTrue(line.codePoints().noneMatch(c -> c > 127 && Character.isDigit(c)), line);
            }
        }
    }

    /** In each locale: opens a region that the one before has stored to, creates another, is refused something. */
    public static void main(String[] arguments) throws Exception {
        // without the time, which the JDK's logging prints in the locale's digits
        System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s %5$s%6$s%n");
        try (Stack stack = Stack.start()) {
            for (String tag : LOCALES) {
                Locale.setDefault(Locale.forLanguageTag(tag));
                visit(stack, Path.of(arguments[0]), "Region.I-i.of-all");
                visit(stack, Path.of(arguments[0]), "Region.I-i." + tag);
                System.out.println("done " + tag);
            }
            doctor(stack).applyAsInt(List.of());
        }
    }

    private static void visit(Stack stack, Path folder, String name) {
        RegionOptions options = RegionOptions.size("1 MiB").withDirectory(folder);
        try (Region region = stack.regions().open(name, options)) {
            ByteBuffer words = region.buffer(0, (int) SIZE);
            long visits = words.getLong(8192);
            if (visits != region.status().epoch()) {
                throw new AssertionError(name + ": " + visits + " visits at epoch "
                        + region.status().epoch());
            }
            words.putLong(8192, visits + 1);
            region.commit();
            System.out.println(region.status());
            System.out.println(region.status().providers());
        }
        try {
            stack.regions()
                    .open(name, RegionOptions.size(2 * SIZE).withDirectory(folder))
                    .close();
            throw new AssertionError("another size is refused");
        } catch (RegionException e) {
            if (!e.getMessage().contains("1048576")) {
                throw new AssertionError(e.getMessage(), e);
            }
            System.out.println(e.getMessage());
        }
    }

    @SuppressWarnings("unchecked") // the contract of an application
    private static ToIntFunction<List<String>> doctor(Stack stack) throws Exception {
        return stack.context()
                .getService(stack.context()
                        .getServiceReferences(ToIntFunction.class, "(vellum.application=doctor)")
                        .iterator()
                        .next());
    }
}
