// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.Assert;
import org.junit.rules.ExternalResource;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.FrameworkListener;
import org.osgi.framework.FrameworkUtil;

/** Fails a test when the framework reports an error, or Vellum logs a warning the test did not expect. */
final class QuietLog extends ExternalResource {
    private static final Logger VELLUM = Logger.getLogger("org.vellum");
    /** Says what lasts: that a machine or its kernel is slow is no finding about Vellum. */
    private static final String WHAT_LASTS = "org.vellum.runtime.waiting.Wait";

    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private final List<String> expected = new CopyOnWriteArrayList<>();
    private final FrameworkListener listener = this::frameworkEvent;
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            if (entry.getLevel().intValue() >= Level.WARNING.intValue() && !WHAT_LASTS.equals(entry.getLoggerName())) {
                complaints.add(entry.getLevel() + " " + entry.getLoggerName() + ": " + entry.getMessage());
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    /** Warnings that hold this text are part of the test. */
    void expect(String text) {
        expected.add(text);
    }

    /** Whether Vellum has logged a warning or an error that holds all of this; it is part of the test then. */
    boolean holds(String... parts) {
        return complaints.stream()
                .filter(complaint -> Arrays.stream(parts).allMatch(complaint::contains))
                .peek(expected::add)
                .findFirst()
                .isPresent();
    }

    private static BundleContext context() {
        return FrameworkUtil.getBundle(QuietLog.class).getBundleContext();
    }

    private void frameworkEvent(FrameworkEvent event) {
        if (event.getType() == FrameworkEvent.ERROR || event.getType() == FrameworkEvent.WARNING) {
            complaints.add("framework event of " + event.getBundle() + ": " + event.getThrowable());
        }
    }

    @Override
    protected void before() {
        VELLUM.addHandler(handler);
        context().addFrameworkListener(listener);
    }

    @Override
    protected void after() {
        context().removeFrameworkListener(listener);
        VELLUM.removeHandler(handler);
        complaints.removeIf(complaint -> expected.stream().anyMatch(complaint::contains));
        Assert.assertEquals("unexpected warnings", List.of(), complaints);
    }
}
