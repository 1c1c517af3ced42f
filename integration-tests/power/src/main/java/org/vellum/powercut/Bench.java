// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/** Mounts what cuts leave and has it judged; images that are the same once only. */
final class Bench implements AutoCloseable {
    private final RunFolder run;
    private final Scenario scenario;
    private final Path image;
    private final Stack stack;
    private final Judge judge;
    private final LongConsumer newImage;
    private final Map<List<Object>, Judge.Finding> findings = new HashMap<>();
    private final Set<Long> images = new HashSet<>();
    private int checked;

    /** @param newImage gets the key of each image that is seen for the first time */
    Bench(RunFolder run, Scenario scenario, LongConsumer newImage) {
        this.run = run;
        this.newImage = newImage;
        this.scenario = scenario;
        image = run.memory().resolve("judged-" + ProcessHandle.current().pid());
        Path root = Mounted.root(run.mountPoint(), scenario.system());
        stack = new Stack(root, scenario.strategy(), scenario.logSize());
        judge = new Judge(root, stack, scenario.seed());
    }

    /** A cut by the numbers it is printed and repeated with. */
    record Cut(int event, int variant) {
        static Cut parse(String text) {
            String[] numbers = text.split(":");
            return new Cut(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
        }

        /** Half of all images are opened without being looked at before. */
        boolean blind() {
            return (event * 31 + variant) % 2 == 0;
        }

        @Override
        public String toString() {
            return event + ":" + variant;
        }
    }

    /** @param disk has been advanced to the cut's event */
    Judge.Finding judge(CutDisk disk, Cut cut, Promise promise) throws IOException {
        if (promise.repair() == Promise.Repair.DAMAGING) {
            return new Judge.Finding(promise.acknowledged(), "", "; not judged");
        }
        List<CutDisk.Piece> pieces = disk.pieces(cut.variant());
        long key = disk.key(pieces);
        if (images.add(key)) {
            newImage.accept(key);
        }
        List<Object> question = List.of(key, Judge.dependsOn(promise));
        Judge.Finding finding = findings.get(question);
        if (finding == null) {
            disk.store(pieces, image);
            finding = judgeImage(cut, promise);
            findings.put(question, finding);
        }
        return finding;
    }

    private Judge.Finding judgeImage(Cut cut, Promise promise) throws IOException {
        if (scenario.system().needsCheck()) {
            return judgeChecked(cut, promise, "");
        }
        try {
            return judgeMounted(cut, promise);
        } catch (FileSystemRefusal e) {
            if (!scenario.diskFails() || !scenario.system().hasChecker()) {
                return Judge.Finding.wrong(e.getMessage());
            }
            // a disk that fails may leave a journal that a kernel does not replay: its checker is then run by hand
            checked++;
            return judgeChecked(cut, promise, e.getMessage() + "; ");
        }
    }

    private Judge.Finding judgeChecked(Cut cut, Promise promise, String before) throws IOException {
        try {
            check(image);
            return judgeMounted(cut, promise);
        } catch (FileSystemRefusal e) {
            return Judge.Finding.wrong(before + e.getMessage());
        }
    }

    private Judge.Finding judgeMounted(Cut cut, Promise promise) throws IOException {
        try (LoopDevice loop = LoopDevice.on(image, false)) {
            Judge.Finding finding = mounted(loop, () -> judge.judge(promise, cut.blind(), cut.event() % 2 == 1));
            return finding.wrong().isEmpty() ? mounted(loop, () -> judge.judgeAgain(finding, cut.blind())) : finding;
        }
    }

    private interface Look {
        Judge.Finding at() throws IOException;
    }

    private Judge.Finding mounted(LoopDevice loop, Look look) throws IOException {
        Mounted mounted = Mounted.at(run.mountPoint(), scenario.system(), loop.path());
        try {
            return look.at();
        } finally {
            mounted.close();
        }
    }

    /** Images that were mounted only when the file system's checker had run, on a disk that had failed. */
    int checked() {
        return checked;
    }

    /** What a journal would do. */
    static void check(Path image) throws IOException {
        try {
            Programs.run(List.of("e2fsck", "-fy", image.toString()), 2);
        } catch (IOException e) {
            throw new FileSystemRefusal(e.getMessage(), e);
        }
    }

    @Override
    public void close() throws IOException {
        stack.close();
        Files.deleteIfExists(image);
    }
}
