// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

/** Names for the errors that the kernel gives our calls. */
public final class Errno {
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EEXIST = 17;
    public static final int ENOENT = 2;
    public static final int EPERM = 1;
    public static final int EINVAL = 22;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EXDEV = 18;
    public static final int ENOTDIR = 20;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int EFBIG = 27;
    public static final int ENOLCK = 37;
    public static final int ENOSYS = 38;
    public static final int ENODATA = 61;
    public static final int EBADMSG = 74;
    public static final int ESTALE = 116;
    public static final int EDQUOT = 122;
    public static final int EOPNOTSUPP = 95;

    private Errno() {}

    /** A few words for an errno, given positive or negative. */
    public static String describe(int errno) {
        int number = Math.abs(errno);
        return switch (number) {
            case EPERM -> "operation not permitted (EPERM)";
            case ENOENT -> "no such file or directory (ENOENT)";
            case EINTR -> "interrupted (EINTR)";
            case EIO -> "input/output error (EIO)";
            case EAGAIN -> "held by another (EAGAIN)";
            case ENOMEM -> "out of memory (ENOMEM)";
            case EACCES -> "permission denied (EACCES)";
            case EEXIST -> "exists already (EEXIST)";
            case EINVAL -> "invalid argument (EINVAL)";
            case EXDEV -> "another file system (EXDEV)";
            case ENOTDIR -> "not a folder (ENOTDIR)";
            case ENFILE -> "too many open files in the system (ENFILE)";
            case EMFILE -> "too many open files (EMFILE)";
            case EFBIG -> "file too large (EFBIG)";
            case ENOSPC -> "no space left on device (ENOSPC)";
            case EROFS -> "read-only file system (EROFS)";
            case 36 -> "file name too long (ENAMETOOLONG)";
            case ENOLCK -> "no locks available (ENOLCK)";
            case ENOSYS -> "not offered by this kernel (ENOSYS)";
            case 40 -> "too many symbolic links (ELOOP)";
            case ENODATA -> "file ends early (ENODATA)";
            case EBADMSG -> "malformed record (EBADMSG)";
            case EOPNOTSUPP -> "not supported here (EOPNOTSUPP)";
            case ESTALE -> "not the same file any more (ESTALE)";
            case EDQUOT -> "disk quota exceeded (EDQUOT)";
            default -> "errno " + number;
        };
    }
}
