// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A file system: how it is made, mounted and, where it does not recover by itself, repaired. */
enum FileSystem {
    EXT4(Kind.EXT4, "", 0, false),
    /** Recovered by e2fsck; its metadata is written in place and is not made for torn blocks. */
    EXT4_NO_JOURNAL(Kind.EXT4_NO_JOURNAL, "", 0, false),
    XFS(Kind.XFS, "", 0, false),
    BTRFS(Kind.BTRFS, "", 0, false),
    /** overlayfs, its layers on ext4. */
    OVERLAY(Kind.EXT4, "", 0, true),

    EXT4_WRITEBACK(Kind.EXT4, "data=writeback", 0, false),
    EXT4_DATA_JOURNAL(Kind.EXT4, "data=journal", 0, false),
    EXT4_ASYNC_COMMIT(Kind.EXT4, "journal_async_commit,data=writeback", 0, false),
    EXT4_DISCARD(Kind.EXT4, "discard", 0, false),
    /** Every change of a name is durable at once, so that a cut finds each of them alone. */
    EXT4_DIRSYNC(Kind.EXT4, "", Kernel.MS_DIRSYNC, false),
    EXT4_SMALL_BLOCKS(Kind.EXT4_SMALL_BLOCKS, "", 0, false),
    BTRFS_NODATACOW(Kind.BTRFS, "nodatacow", 0, false),
    BTRFS_DISCARD(Kind.BTRFS, "discard=sync", 0, false),
    XFS_DISCARD(Kind.XFS, "discard", 0, false),
    OVERLAY_XFS(Kind.XFS, "", 0, true),

    /** Not to be trusted: a control. */
    EXT4_NO_BARRIER(Kind.EXT4, "nobarrier", 0, false);

    /** The ones every promise is tried on. */
    static final List<FileSystem> USUAL = List.of(EXT4, EXT4_NO_JOURNAL, XFS, BTRFS, OVERLAY);

    private enum Kind {
        EXT4("ext4", 64, 512, ext4("4096", "-J", "size=4")),
        EXT4_SMALL_BLOCKS("ext4", 64, 512, ext4("1024", "-J", "size=4")),
        EXT4_NO_JOURNAL("ext4", 64, 4096, ext4("4096", "-O", "^has_journal")),
        /** The smallest that its makers support is 300 MiB. */
        XFS("xfs", 320, 512, List.of("mkfs.xfs", "-q", "-f", "-K")),
        /** Its blocks have checksums and two copies of which one may be torn, if sectors are as large as it was told. */
        BTRFS("btrfs", 160, 4096, List.of("mkfs.btrfs", "-q", "-f", "-K"));

        private final String type;
        private final int mebibytes;
        private final int tear;

        @SuppressWarnings("ImmutableEnumChecker") // made by List.of
        private final List<String> make;

        Kind(String type, int mebibytes, int tear, List<String> make) {
            this.type = type;
            this.mebibytes = mebibytes;
            this.tear = tear;
            this.make = make;
        }

        private static List<String> ext4(String blockSize, String... more) {
            List<String> command = new ArrayList<>(List.of("mkfs.ext4", "-q", "-F", "-b", blockSize));
            command.addAll(List.of(more));
            command.addAll(List.of("-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"));
            return command;
        }
    }

    private final Kind kind;
    private final String options;
    private final long flags;
    private final boolean overlay;

    FileSystem(Kind kind, String options, long flags, boolean overlay) {
        this.kind = kind;
        this.options = options;
        this.flags = flags;
        this.overlay = overlay;
    }

    /** As in commands: {@code ext4-no-journal}. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static FileSystem of(String label) {
        for (FileSystem system : values()) {
            if (system.label().equals(label)) {
                return system;
            }
        }
        throw new WrongUsage("there is no file system '" + label + "' here; there are "
                + String.join(
                        ", ",
                        java.util.Arrays.stream(values()).map(FileSystem::label).toList()));
    }

    /** The kernel's name for it. */
    String type() {
        return kind.type;
    }

    long size() {
        return (long) kind.mebibytes << 20;
    }

    /** Bytes that it takes for written as a whole. */
    int tear() {
        return kind.tear;
    }

    String mountOptions() {
        List<String> all = new ArrayList<>();
        if (!options.isEmpty()) {
            all.add(options);
        }
        if (kind == Kind.XFS) {
            // images of one file system are mounted at the same time
            all.add("nouuid");
        }
        return String.join(",", all);
    }

    long mountFlags() {
        return flags | Kernel.MS_NOATIME;
    }

    boolean isOverlay() {
        return overlay;
    }

    /** Whether the file system's own checker has to run before it is mounted after a power cut. */
    boolean needsCheck() {
        return kind == Kind.EXT4_NO_JOURNAL;
    }

    /** Whether {@code e2fsck} is for it. */
    boolean hasChecker() {
        return kind.type.equals("ext4");
    }

    List<String> makeCommand(String path) {
        List<String> command = new ArrayList<>(kind.make);
        command.add(path);
        return command;
    }
}
