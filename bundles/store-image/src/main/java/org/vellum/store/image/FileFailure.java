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
        return errno == Errno.ENOSPC || errno == Errno.EDQUOT;
    }

    /** What an operator can do about it, as the end of a sentence. */
    public String wayOut() {
        return switch (errno) {
            case Errno.ENOSPC -> "free space on its file system and try again";
            case Errno.EDQUOT -> "free space of this user's quota, or have it raised, and try again";
            case Errno.EACCES, Errno.EPERM, Errno.EROFS ->
                    "make the folder and its files writable for this user, or choose another folder";
            case Errno.EOPNOTSUPP ->
                    "move the region's files to a file system on persistent memory that is mounted with -o dax";
            case Errno.ENOENT, Errno.ESTALE ->
                    "bring the file back under its name and try again; where it is gone for good, a backup has it";
            case Errno.ENODATA -> "the file was truncated: bring it back from a backup";
            case Errno.EMFILE -> "raise this process's limit of open files (ulimit -n)";
            case Errno.ENFILE -> "raise this machine's limit of open files (sysctl fs.file-max)";
            case Errno.EFBIG -> "raise this process's limit of file sizes (ulimit -f), or choose a file system without it";
            case Errno.ENOMEM -> "leave more memory to this machine's kernel, or raise vm.max_map_count, and try again";
            case Errno.ENOLCK, Errno.ENOSYS, Errno.EINVAL ->
                    "choose a folder on a local file system that offers this call (ext4, XFS, Btrfs, tmpfs)";
            case Errno.EXDEV -> "choose a folder on the same file system";
            case Errno.EIO -> "the device reports an error: check it (the kernel's log has its report), and try again";
            default -> "errno(3) of the manual says what errno " + errno + " means; another folder may not"
                    + " have it";
        };
    }
}
