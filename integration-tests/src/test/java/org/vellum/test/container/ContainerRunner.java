// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.AssumptionViolatedException;
import org.junit.runner.Description;
import org.junit.runner.manipulation.Filter;
import org.junit.runner.manipulation.NoTestsRemainException;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunNotifier;
import org.junit.runners.model.InitializationError;
import org.ops4j.pax.exam.junit.PaxExam;

/**
 * Pax Exam, which reports tests that need what the machine lacks as skipped. An assumption within such a test would not do:
 * the test runs in the container, and the runner outside learns only whether it failed.
 */
public final class ContainerRunner extends PaxExam {
    private static final Path DEVICE = Path.of("/dev/kvm");

    /** The tests that cannot run here, by their methods' names. */
    private final Map<String, Description> skipped;

    public ContainerRunner(Class<?> testClass) throws InitializationError {
        super(testClass);
        skipped = Files.isReadable(DEVICE) && Files.isWritable(DEVICE)
                ? Map.of()
                : Arrays.stream(testClass.getMethods())
                        .filter(method -> method.isAnnotationPresent(NeedsGuestMode.class))
                        .map(Method::getName)
                        .collect(Collectors.toMap(
                                name -> name, name -> Description.createTestDescription(testClass, name)));
    }

    @Override
    public void run(RunNotifier notifier) {
        skipped.values().forEach(test -> {
            notifier.fireTestStarted(test);
            notifier.fireTestAssumptionFailed(
                    new Failure(test, new AssumptionViolatedException(DEVICE + " cannot be opened here")));
            notifier.fireTestFinished(test);
        });
        try {
            filter(new Runnable());
        } catch (NoTestsRemainException e) {
            return; // all of them are skipped, or left out by whoever runs them
        }
        super.run(notifier);
    }

    private final class Runnable extends Filter {
        @Override
        public boolean shouldRun(Description description) {
            // Pax Exam appends the configuration's name to a method's
            return description.getMethodName() == null
                    || skipped.keySet().stream().noneMatch(description.getMethodName()::startsWith);
        }

        @Override
        public String describe() {
            return "what this machine can run";
        }
    }
}
