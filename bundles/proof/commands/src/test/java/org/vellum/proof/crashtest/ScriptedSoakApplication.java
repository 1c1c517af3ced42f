// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;

/**
 * Says what the soak's application says, without regions. What goes wrong is written where
 * the bank's image would be.
 */
public final class ScriptedSoakApplication implements BundleActivator, ToIntFunction<List<String>> {
    static final String SCRIPT = "bank.vellum";

    /** Makes a bundle of it in the folder, whose activator it is. */
    static void bundle(Path folder) throws IOException {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue(Constants.BUNDLE_MANIFESTVERSION, "2");
        attributes.putValue(Constants.BUNDLE_SYMBOLICNAME, "test.soak");
        attributes.putValue(Constants.BUNDLE_ACTIVATOR, ScriptedSoakApplication.class.getName());
        attributes.putValue(Constants.IMPORT_PACKAGE, "org.osgi.framework");
        String entry = ScriptedSoakApplication.class.getName().replace('.', '/') + ".class";
        try (JarOutputStream out =
                        new JarOutputStream(Files.newOutputStream(folder.resolve("test.soak.jar")), manifest);
                InputStream in = ScriptedSoakApplication.class.getClassLoader().getResourceAsStream(entry)) {
            out.putNextEntry(new JarEntry(entry));
            in.transferTo(out);
        }
    }

    @Override
    public void start(BundleContext context) {
        context.registerService(ToIntFunction.class, this, new Hashtable<>(Map.of("vellum.application", "soak")));
    }

    @Override
    public void stop(BundleContext context) {}

    @Override
    public int applyAsInt(List<String> arguments) {
        System.out.println("ready");
        try {
            Path plan = Path.of(argument(arguments, "--plan"));
            while (!Files.exists(plan)) {
                LockSupport.parkNanos(1_000_000);
            }
            Properties properties = new Properties();
            try (Reader reader = Files.newBufferedReader(plan)) {
                properties.load(reader);
            }
            String script = Files.readString(Path.of(argument(arguments, "--directory"), SCRIPT));
            return live(properties, script);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String argument(List<String> arguments, String name) {
        return arguments.get(arguments.lastIndexOf(name) + 1);
    }

    private static int live(Properties plan, String script) throws IOException {
        System.out.println("opened epoch=1 address=0 nanoseconds=1 providers=a/b/c/d");
        boolean last = Integer.parseInt(plan.getProperty("life.swaps", "0")) == Integer.MAX_VALUE;
        if (script.equals("violation") && last) {
            System.out.println("violation a commit is missing");
            System.out.println("checked violations=1");
            return 1;
        }
        System.out.println("checked violations=0");
        if (plan.getProperty("verify").equals("true")) {
            return 0;
        }
        System.out.println("swapping number=1 something");
        System.out.println("swapped way=REQUEST axis=vmm gate=1000");
        System.out.println("stalled nanoseconds=1000000");
        System.out.println("swapping number=2 something else");
        if (script.equals("ends")) {
            return 3;
        }
        if (script.equals("stuck")) {
            System.out.println("stuck bank 1");
        } else if (last) {
            for (int number = 0; number < 8; number++) {
                System.out.println("holds loaders=1 files=" + (script.equals("grows") ? 10 * number : 10) + " threads=1"
                        + " libraries=1 mappings=1 images=1 classes=1 nativeKiB=1 sharedKiB=1 virtualMiB=1");
            }
        } else {
            new ProcessBuilder(
                            "kill",
                            "-KILL",
                            Long.toString(ProcessHandle.current().pid()))
                    .start();
        }
        LockSupport.park();
        return 0;
    }
}
