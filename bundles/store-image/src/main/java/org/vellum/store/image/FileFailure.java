package org.vellum.store.image;

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
        return errno == Errno.ENOSPC || errno == 122 /* EDQUOT */;
    }

    /** What an operator can do about it, as the end of a sentence. */
    public String wayOut() {
        if (isOutOfSpace()) {
            return "free space on its file system and try again";
        }
        if (errno == Errno.EACCES || errno == Errno.EPERM || errno == Errno.EROFS) {
            return "make the folder and its files writable for this user, or choose another folder";
        }
        if (errno == Errno.EOPNOTSUPP) {
            return "move the region's files to a file system on persistent memory that is mounted with -o dax";
        }
        return switch (errno) {
            case Errno.EFBIG -> "raise the process's limit of file sizes (ulimit -f), or choose a file system that takes files"
                    + " this large";
            case Errno.EMFILE -> "raise the process's limit of open files (ulimit -n)";
            case Errno.ENOMEM -> "raise the process's limit of address space (ulimit -v) or its container's of memory";
            case Errno.ENOENT -> "bring the folder back, or choose another one";
            case Errno.ENOSYS -> "let the process's sandbox (seccomp) allow this call";
            case Errno.EIO -> "see the kernel's log for the device's own report";
            default -> "choose another folder, on a file system that takes this call";
        };
    }
}
