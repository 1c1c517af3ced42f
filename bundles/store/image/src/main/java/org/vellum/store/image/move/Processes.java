// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.move;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Place;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.format.Whereabouts.ProcessIdentity;

/** This process among all others, by what the kernel says in {@code /proc}: for images that end with their process. */
public final class Processes {
    private Processes() {}

    public static ProcessIdentity self() {
        try {
            return new ProcessIdentity(
                    ProcessHandle.current().pid(),
                    startOf("self"),
                    line("/proc/sys/kernel/random/boot_id"),
                    Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString(),
                    line("/proc/sys/kernel/hostname"));
        } catch (IOException e) {
            throw new RegionException("what tells this process from others cannot be read: " + e, e);
        }
    }

    private static String line(String file) throws IOException {
        return Files.readString(Path.of(file)).strip();
    }

    /** Behind the program's name, which is in parentheses and may hold anything. */
    private static long startOf(String process) throws IOException {
        String fields = Files.readString(Path.of("/proc", process, "stat"), StandardCharsets.ISO_8859_1);
        return Long.parseLong(fields.substring(fields.lastIndexOf(')') + 2).split(" ")[19]);
    }

    /** Whether a process has ended for certain: of other machines and namespaces nothing is known. */
    public static boolean hasEnded(ProcessIdentity process) {
        ProcessIdentity here = self();
        if (!process.boot().equals(here.boot())) {
            return process.host().equals(here.host()); // this machine, before it was started again
        }
        if (!process.namespace().equals(here.namespace())) {
            return false;
        }
        try {
            return startOf(Long.toString(process.number())) != process.start();
        } catch (IOException e) {
            return true; // there is none
        }
    }

    /** Of a place that this process knows. */
    public static Whereabouts whereabouts(Place place) {
        Whereabouts whereabouts = new Whereabouts(place, self());
        if (!whereabouts.hasRoom()) {
            throw new RegionException("the name of " + place + " is too long to be recorded");
        }
        return whereabouts;
    }

    /** Whether the image was in the memory of a process that has ended, so that there is none. */
    public static boolean isGone(Whereabouts whereabouts) {
        return whereabouts.place().folder().isEmpty() && hasEnded(whereabouts.process());
    }
}
