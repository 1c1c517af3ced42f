// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeSet;
import java.util.function.ToIntFunction;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.Filter;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.framework.wiring.BundleRevision;
import org.osgi.util.tracker.ServiceTracker;
import org.vellum.launcher.command.CommandFailure;

/**
 * Felix embedded in this JVM, with a set of bundles, all started.
 *
 * <p>Each start makes the framework anew from the jars, in place (they are not copied); only what {@link Storage} keeps
 * outlives it. {@link #close()} stops it; so does the end of the JVM, SIGTERM and SIGINT included.
 */
public final class Framework implements AutoCloseable {
    /**
     * Service property of an application: its name. An application is a service of type {@link ToIntFunction} that
     * takes the list of its command line arguments and returns its exit status.
     */
    public static final String APPLICATION_PROPERTY = "vellum.application";

    /** Framework property: where the store keeps regions that name no folder. */
    private static final String REGIONS_PROPERTY = "vellum.directory";

    private static final String JNA_FOLDER_PROPERTY = "jna.tmpdir";
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);

    private final org.osgi.framework.launch.Framework felix;
    private final Storage storage;
    private final Thread hook;

    private Framework(org.osgi.framework.launch.Framework felix, Storage storage) {
        this.felix = felix;
        this.storage = storage;
        this.hook = new Thread(this::stop, "framework shutdown");
    }

    /**
     * Starts one.
     *
     * @param bundles jars; every one is started (fragments attach)
     * @param storage closed with the framework
     * @param properties framework properties besides those every framework has
     * @throws CommandFailure bundles cannot be resolved or started; names each and why. Nothing is left running.
     */
    public static Framework start(List<Path> bundles, Storage storage, Map<String, String> properties) {
        return start(bundles, Map.of(), storage, properties);
    }

    /**
     * As {@link #start(List, Storage, Map)}, with configurations, which are there before the bundles that start after Config
     * Admin.
     *
     * @param configurations properties by PID, of which a factory configuration's is {@code FACTORY~NAME}
     * @throws CommandFailure also: none of the bundles is a Config Admin, or it refuses a configuration
     */
    public static Framework start(
            List<Path> bundles,
            Map<String, Dictionary<String, Object>> configurations,
            Storage storage,
            Map<String, String> properties) {
        Map<String, String> configuration = new HashMap<>(Map.of(
                Constants.FRAMEWORK_STORAGE,
                storage.cache().toString(),
                Constants.FRAMEWORK_STORAGE_CLEAN,
                Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT,
                // all of them from the start; they are for the stop
                Constants.FRAMEWORK_BEGINNING_STARTLEVEL,
                Integer.toString(StartLevels.USERS),
                // the hook below stops the framework and then deletes its files, in this order
                "felix.shutdown.hook",
                "false",
                // the launcher's, so that bundles and launcher mean the same by it
                Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                "org.osgi.service.cm;version=1.6.1",
                // no event handler is shut out for being slow; with that gone, all that Event Admin warns of (on
                // standard output, where it does not belong) is that the stop interrupted its thread
                "org.apache.felix.eventadmin.Timeout",
                "0",
                "org.apache.felix.eventadmin.LogLevel",
                "1",
                "felix.cm.dir",
                storage.configurations().toString()));
        storage.regions().ifPresent(folder -> configuration.put(REGIONS_PROPERTY, folder.toString()));
        configuration.putAll(properties);
        if (System.getProperty(JNA_FOLDER_PROPERTY) == null) {
            // else it unpacks into the home folder, where a killed process leaves its files behind
            System.setProperty(JNA_FOLDER_PROPERTY, storage.libraries().toString());
        }
        Framework framework = new Framework(factory().newFramework(configuration), storage);
        Runtime.getRuntime().addShutdownHook(framework.hook);
        try {
            framework.felix.start();
            try (InitialConfigurations initial = new InitialConfigurations(framework.context(), configurations)) {
                framework.startAll(bundles);
                initial.requireMade();
            }
            return framework;
        } catch (BundleException e) {
            Optional<String> obstacle = storage.obstacle();
            framework.close();
            throw new CommandFailure(obstacle.orElse("the framework does not start: " + e.getMessage()), e);
        } catch (CommandFailure e) {
            // bundles say of a full folder that they "cannot be cached", each by itself
            Optional<String> obstacle = storage.obstacle();
            framework.close();
            throw obstacle.map(sentence -> new CommandFailure(sentence, e)).orElse(e);
        } catch (IllegalStateException e) {
            framework.close();
            throw framework.stoppedMeanwhile(e);
        } catch (RuntimeException e) {
            framework.close();
            throw e;
        }
    }

    /** What is thrown by a call that found the framework gone, because a signal ends the JVM for example. */
    private RuntimeException stoppedMeanwhile(IllegalStateException exception) {
        return felix.getState() == Bundle.ACTIVE || felix.getState() == Bundle.STARTING
                ? exception
                : new CommandFailure("the framework was stopped", exception);
    }

    private static FrameworkFactory factory() {
        return ServiceLoader.load(FrameworkFactory.class, Framework.class.getClassLoader())
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no OSGi framework on the class path"));
    }

    private void startAll(List<Path> jars) {
        List<String> failures = new ArrayList<>();
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : jars) {
            try {
                // "reference:" makes Felix read the jar where it is
                installed.add(context().installBundle("reference:" + jar.toUri()));
            } catch (BundleException e) {
                failures.add(jar.getFileName() + ": " + e.getMessage());
            }
        }
        StartLevels.assign(felix, installed);
        for (Bundle bundle : installed) {
            if ((bundle.adapt(BundleRevision.class).getTypes() & BundleRevision.TYPE_FRAGMENT) != 0) {
                continue;
            }
            try {
                bundle.start();
            } catch (BundleException e) {
                failures.add(bundle.getSymbolicName() + ": " + reason(e));
            }
        }
        if (!failures.isEmpty()) {
            throw new CommandFailure(failures.size() + " of " + jars.size() + " bundles cannot be started:\n  "
                    + String.join("\n  ", failures));
        }
    }

    /**
     * Felix says twice what a bundle misses, and wraps an activator's exception in one that says only that there was
     * one.
     */
    private static String reason(BundleException exception) {
        String message = exception.getMessage().replaceFirst(" Unresolved requirements: .*", "");
        Throwable cause = exception.getCause();
        return message + (cause == null ? "" : " (" + cause + ")");
    }

    /**
     * The framework's own.
     *
     * @throws IllegalStateException the framework was stopped
     */
    public BundleContext context() {
        BundleContext context = felix.getBundleContext();
        if (context == null) {
            throw new IllegalStateException("the framework was stopped");
        }
        return context;
    }

    /**
     * Waits for an application's service, which stays in use until the framework stops: a component that nobody uses is
     * deactivated, and loses what it refers to.
     *
     * @throws CommandFailure none of this name came in time; names those that are there
     */
    @SuppressWarnings("unchecked") // the contract of APPLICATION_PROPERTY
    public ToIntFunction<List<String>> application(String name, Duration timeout) throws InterruptedException {
        try {
            ServiceTracker<Object, Object> tracker = new ServiceTracker<>(context(), filter(name), null);
            tracker.open();
            Object service = tracker.waitForService(timeout.toMillis());
            if (service == null) {
                tracker.close();
                throw new CommandFailure("no application '" + name + "' within " + timeout.toSeconds()
                        + " s; registered: " + applications()
                        + ". Its bundle is missing, or a service it needs is (./vellum run --command scr:list)");
            }
            return (ToIntFunction<List<String>>) service;
        } catch (IllegalStateException e) {
            throw stoppedMeanwhile(e);
        }
    }

    private static Filter filter(String application) {
        String value = application.replaceAll("([\\\\*()])", "\\\\$1");
        try {
            return FrameworkUtil.createFilter("(&(" + Constants.OBJECTCLASS + "=" + ToIntFunction.class.getName() + ")("
                    + APPLICATION_PROPERTY + "=" + value + "))");
        } catch (InvalidSyntaxException e) {
            throw new IllegalArgumentException("application name '" + application + "'", e);
        }
    }

    private String applications() {
        try {
            ServiceReference<?>[] references =
                    context().getServiceReferences(ToIntFunction.class.getName(), "(" + APPLICATION_PROPERTY + "=*)");
            if (references == null) {
                return "none";
            }
            TreeSet<String> names = new TreeSet<>();
            Arrays.stream(references)
                    .forEach(reference -> names.add(String.valueOf(reference.getProperty(APPLICATION_PROPERTY))));
            return String.join(", ", names);
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Returns when somebody has stopped the framework, from a shell for example. */
    public void awaitStop() throws InterruptedException {
        felix.waitForStop(0);
    }

    /** Stops it, waits (bounded), and deletes what need not outlive it. Idempotent. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the JVM is ending: the hook does this very work, and may be what we run in
            return;
        }
        stop();
    }

    private void stop() {
        try {
            felix.stop();
            if (felix.waitForStop(STOP_TIMEOUT.toMillis()).getType()
                    == org.osgi.framework.FrameworkEvent.WAIT_TIMEDOUT) {
                System.err.println("vellum: the framework has not stopped within " + STOP_TIMEOUT.toSeconds() + " s");
            }
        } catch (BundleException e) {
            System.err.println("vellum: the framework does not stop: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        storage.close();
    }
}
