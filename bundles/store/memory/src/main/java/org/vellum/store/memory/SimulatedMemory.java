// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.nio.file.Path;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;
import org.vellum.nativelib.Recorder;

/**
 * The medium of the store {@code memory}. A service for those who try out crashes: record every step of a region, build
 * from the record what a power cut would have left, put that on the medium, and open the region again.
 *
 * <p>Files have the names that they would have in a file system ({@code orders.vellum} and so on, in the region's folder or
 * in {@link #FOLDER}). Safe for use by many threads.
 */
@ProviderType
public interface SimulatedMemory {
    /** Where the files of regions are that name no folder. */
    Path FOLDER = Path.of("/memory");

    /**
     * From now on images are opened with a recorder between them and the medium; those that are open already stay without
     * one. All mappings of their files that the store makes are watched; the files' numbers are {@link #media}.
     *
     * @param capacity bytes for the events between two calls of {@link Recorder#take}
     * @return the recorder; closed by {@link #stopRecording}, not by the caller
     * @throws IllegalStateException a recording is under way
     */
    Recorder startRecording(long capacity);

    /**
     * Ends the recording; images are opened without a recorder again.
     *
     * @throws IllegalStateException none is under way, or an image that is recorded is still open
     */
    void stopRecording();

    /**
     * The files that were mapped since the recording began, by the number that events call them. A file that is renamed
     * and mapped again has two.
     *
     * @throws IllegalStateException no recording is under way
     */
    Map<Integer, Path> media();

    /** What is on the medium now: a copy of every file, as the processor sees it. Files of up to 2 GiB. */
    Map<Path, byte[]> content();

    /**
     * Puts other files in the place of all that there are.
     *
     * @throws IllegalStateException an image is open
     */
    void replace(Map<Path, byte[]> content);
}
