// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.offline.ImageReport;
import org.vellum.store.image.offline.OfflineImage;

/** Looks at what a power cut left on a mounted file system. */
final class Judge {
    private final Path root;
    private final Stack stack;
    private final Workload workload;
    private Next next;

    /** What is to be found next in the image that was judged last. */
    private record Next(String folder, ByteBuffer content, String at) {}

    Judge(Path root, Stack stack, long seed) {
        this.root = root;
        this.stack = stack;
        workload = new Workload(seed, Stack.SIZE);
    }

    /**
     * What was found. Which steps may be found is not part of it: the same image may be left by several cuts.
     *
     * @param step the one that the region holds as a whole; -1 if something is wrong
     * @param wrong empty, or what is
     * @param note of interest for a reader
     */
    record Finding(long step, String wrong, String note) {
        static Finding wrong(String sentence) {
            return new Finding(-1, sentence.replace('\n', ' '), "");
        }

        /** What is wrong with it for someone who was promised this; empty if nothing is. */
        String violation(Promise promise) {
            if (!wrong.isEmpty()) {
                return wrong;
            }
            if (step < Math.max(0, promise.acknowledged())) {
                return "holds step " + step + ", but " + promise.acknowledged() + " was acknowledged" + note;
            }
            if (step > Math.max(0, promise.begun()) || promise.withdrawn().contains(step)) {
                return "holds step " + step + ", which was " + (step > promise.begun() ? "never begun" : "withdrawn")
                        + note;
            }
            return "";
        }
    }

    private static final class Wrong extends Exception {
        private static final long serialVersionUID = 1;

        Wrong(String message) {
            super(message);
        }
    }

    /**
     * @param blind open as applications do, without looking first: then opening has to notice
     * @param secondFirst which folder is looked into first
     */
    Finding judge(Promise promise, boolean blind, boolean secondFirst) throws IOException {
        try {
            return look(promise, blind, secondFirst);
        } catch (Wrong e) {
            return Finding.wrong(e.getMessage());
        } catch (RegionException e) {
            return Finding.wrong(e.toString());
        } finally {
            stack.closeRegions();
        }
    }

    private Finding look(Promise promise, boolean blind, boolean secondFirst) throws Wrong, IOException {
        String note = promise.repair() == Promise.Repair.NONE ? "" : afterRepair(promise);
        List<String> there = new ArrayList<>(stack.images());
        if (secondFirst) {
            java.util.Collections.reverse(there);
        }
        if (there.isEmpty() && promise.acknowledged() >= 0) {
            throw new Wrong("there is no image, but step " + promise.acknowledged() + " was acknowledged; there: "
                    + names(root));
        }
        if (!blind) {
            for (String folder : there) {
                verified(stack.files(folder));
            }
        }
        note += makeRoom(there);
        String folder = there.isEmpty() ? create() : only(there);
        Region region = stack.open(folder);
        long step = Workload.stepOf(Stack.content(region));
        String at = "step " + step + ", epoch " + region.status().epoch();
        if (step < 0 || step > promise.begun() + 1_000) {
            throw new Wrong(at + " is none that there was" + note);
        }
        ByteBuffer expected = workload.state(step, promise.withdrawn());
        String difference = Workload.difference(Stack.content(region), expected);
        if (!difference.isEmpty()) {
            throw new Wrong(at + ": " + difference + note);
        }
        goesOn(region, folder, expected, promise.begun() + 1, at);
        return new Finding(step, "", note);
    }

    /** It is created as by an application that starts for the first time; a beginning that was cut is in nobody's way. */
    private String create() {
        stack.create("a").close();
        return "a";
    }

    /** The folder from which the region opens; of two images, one refuses. */
    private String only(List<String> there) throws Wrong {
        if (there.size() == 1) {
            return there.get(0);
        }
        String folder = null;
        String refusal = "";
        for (String candidate : there) {
            try {
                Region region = stack.open(candidate);
                region.close();
                if (folder != null) {
                    throw new Wrong("the region opens in both folders");
                }
                folder = candidate;
            } catch (RegionException e) {
                refusal = e.getMessage();
            }
        }
        if (folder == null) {
            throw new Wrong("it does not open: " + refusal);
        }
        return folder;
    }

    /** One commit more. */
    private void goesOn(Region region, String folder, ByteBuffer expected, long step, String at) throws Wrong {
        long epoch = region.status().epoch();
        workload.store(Stack.content(region), step);
        workload.store(expected, step);
        if (region.commit() <= epoch) {
            throw new Wrong(at + ": the next commit has no later epoch");
        }
        region.close();
        next = new Next(folder, expected, at);
    }

    /** When the file system has been mounted once more: the commit that {@link #judge} made is there. */
    Finding judgeAgain(Finding before, boolean blind) {
        try {
            if (!blind) {
                verified(stack.files(next.folder));
            }
            Region again = stack.open(next.folder);
            String difference = Workload.difference(Stack.content(again), next.content);
            return difference.isEmpty()
                    ? before
                    : Finding.wrong(next.at + ", and one commit and a mount later: " + difference);
        } catch (Wrong | RegionException e) {
            return Finding.wrong(next.at + ", and one commit and a mount later: " + e.getMessage());
        } finally {
            stack.closeRegions();
        }
    }

    /** While the disk is full, opening may fail, in words; when there is room, it may not. */
    private String makeRoom(List<String> there) throws IOException {
        Path fill = root.resolve("fill");
        if (!Files.exists(fill)) {
            return "";
        }
        String note = "";
        if (!there.isEmpty()) {
            try {
                stack.open(there.get(0)).close();
            } catch (RegionException e) {
                note = "; while the disk was full: " + e.getMessage();
            }
        }
        Files.delete(fill);
        try (FileChannel folder = FileChannel.open(root)) {
            // some have the room only when this is durable
            folder.force(true);
        }
        return note;
    }

    private void verified(ImageFiles files) throws Wrong {
        try (OfflineImage image = OfflineImage.open(stack.core(), files)) {
            ImageReport report = image.report();
            if (report.damaged()) {
                throw new Wrong("verify finds: "
                        + String.join(
                                "; ",
                                report.findings().stream()
                                        .filter(finding -> finding.verdict() == ImageReport.Verdict.DAMAGED)
                                        .map(finding -> finding.part() + ": " + finding.text())
                                        .toList()));
            }
        }
    }

    /**
     * An application that starts now, with a size, is refused or finds what was repaired. Then the command, given again, brings
     * the repair to its end.
     */
    private String afterRepair(Promise promise) throws Wrong, IOException {
        String state = applicationFinds(promise);
        if (!state.equals("refused")) {
            return "; an application found the repaired image";
        }
        if (promise.repair() == Promise.Repair.REPLACED) {
            throw new Wrong("the repaired image was said to have the name, and an application is refused: "
                    + names(root.resolve("a")));
        }
        StringBuilder errors = new StringBuilder();
        int status;
        try {
            status = Victim.repairCommand(
                    stack, line -> {}, line -> errors.append(line).append("; "));
        } catch (RegionException e) {
            throw new Wrong("the repair, given again: " + e.getMessage());
        }
        if (status != 0) {
            throw new Wrong("the repair, given again, ends with status " + status + ": " + errors + "there: "
                    + names(root.resolve("a")));
        }
        return "; repaired by a second command";
    }

    private String applicationFinds(Promise promise) throws Wrong, IOException {
        String before = names(root.resolve("a"));
        try (Region region = stack.create("a")) {
            long step = Workload.stepOf(Stack.content(region));
            if (step != promise.repairedStep()) {
                throw new Wrong("in the middle of a repair to step " + promise.repairedStep()
                        + ", an application got a region at step " + step + "; there: " + before);
            }
            return "found";
        } catch (RegionException e) {
            return "refused";
        }
    }

    private static String names(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return "no " + folder;
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .sorted()
                    .toList()
                    .toString();
        }
    }

    /** What of a promise a finding depends on. */
    static List<Object> dependsOn(Promise promise) {
        return List.of(promise.withdrawn(), promise.repair(), promise.repairedStep(), promise.acknowledged() >= 0);
    }
}
