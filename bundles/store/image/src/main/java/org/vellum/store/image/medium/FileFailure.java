// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import org.vellum.nativelib.Errno;

/** The file system refused a call; the message says which call, on which file, where, and why. */
public final class FileFailure extends IOException {
    private static final long serialVersionUID = 1;

    private final int errno;

    /** @param errno positive or negative */
    public FileFailure(String call, int errno) {
        super(call + ": " + Errno.describe(errno));
        this.errno = Math.abs(errno);
    }

    public int errno() {
        return errno;
    }

    /** Whether there is no room, by whatever limit. */
    public boolean isOutOfSpace() {
        return errno == Errno.ENOSPC || errno == Errno.EDQUOT;
    }

    /** What an operator can do about it, as the end of a sentence. */
    public String wayOut() {
        return switch (errno) {
            case Errno.ENOSPC -> "free space on its file system and try again";
            case Errno.EDQUOT ->
                "free space on its file system, of this user's quota, or have that raised, and try again";
            case Errno.EACCES, Errno.EPERM, Errno.EROFS ->
                "make the folder and its files writable for this user, or choose another folder";
            case Errno.EOPNOTSUPP ->
                "move the region's files to a file system on persistent memory that is mounted with -o dax";
            case Errno.EFBIG ->
                "raise the process's limit of file sizes (ulimit -f), or choose a file system that takes files"
                        + " this large";
            case Errno.EMFILE -> "raise the process's limit of open files (ulimit -n)";
            case Errno.ENFILE -> "raise this machine's limit of open files (sysctl fs.file-max)";
            case Errno.ENOMEM -> "raise the process's limit of address space (ulimit -v) or its container's of memory";
            case Errno.ENOENT, Errno.ESTALE ->
                "bring the file or folder back under its name and try again, or choose another folder";
            case Errno.ENODATA -> "the file was truncated: bring it back from a backup";
            case Errno.ENOSYS -> "let the process's sandbox (seccomp) allow this call";
            case Errno.EXDEV -> "choose a folder on the same file system";
            case Errno.EIO ->
                "the device reports an error: check it (its own report is in the kernel's log), then try again";
            default -> "choose another folder, on a file system that takes this call";
        };
    }
}
