// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.crash.enumeration.MediumKind;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.NativeCore;

/** The image that a build of format version 1 left, killed with its log half full; also a fixture of {@code store-image}. */
final class VersionOneImage {
    static final long EPOCH = 30;
    static final long ADDRESS = 0x7000_0000_0000L;

    private static final String RESOURCE = "/version-1-in-use.zip";
    private static final String FOLDER = "/regions";

    private VersionOneImage() {}

    /** What that build was made to commit. */
    static byte[] content() {
        byte[] content = new byte[ImageSession.SIZE];
        for (int epoch = 1; epoch <= EPOCH; epoch++) {
            content = new Changes()
                    .line(epoch % 8, epoch, epoch)
                    .line(7, 63, epoch)
                    .appliedTo(content);
        }
        return content;
    }

    static CrashImage on(MediumKind kind) {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        medium.createDirectory(FOLDER);
        try (InputStream resource = VersionOneImage.class.getResourceAsStream(RESOURCE);
                ZipInputStream zip = new ZipInputStream(resource)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                write(medium.create(FOLDER + "/" + entry.getName(), kind), zip.readAllBytes());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return medium.image();
    }

    /** Most of it is a hole. */
    private static void write(MediumFile file, byte[] bytes) {
        file.truncate(bytes.length);
        byte[] zeros = new byte[NativeCore.PAGE_SIZE];
        for (int at = 0; at < bytes.length; at += zeros.length) {
            byte[] page = Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + zeros.length));
            if (!Arrays.equals(page, zeros)) {
                file.write(at, page);
            }
        }
    }
}
