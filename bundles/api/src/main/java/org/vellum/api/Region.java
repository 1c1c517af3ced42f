// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A named, fixed-size range of persistent memory, mapped at the same virtual address in every run.
 *
 * <p>Write it with ordinary stores: through {@link #buffer}, through {@link #address()}, from Java or native code, from
 * any thread. {@link #commit()} makes everything stored so far durable, atomically; after a crash the region holds
 * exactly the last committed state. All methods may be called by any thread.
 *
 * <p><b>Pointers</b> from the region into itself stay valid over restarts. Pointers <em>out of it</em> do not: to code, static
 * variables, the Java heap, what {@code malloc} returned, a thread's stack. Another process finds them as they were stored,
 * and something else where they point to. Store numbers, names or offsets in their place, or bind them anew in every process
 * before anything uses them.
 *
 * <p><b>After {@link #close()}</b> every method but {@link #name()}, {@link #isOpen()}, {@link #status()},
 * {@link #activity()} and {@code close()} throws {@link RegionClosedException}. The address range stays reserved for the life
 * of the process: a load or store through a buffer taken earlier reaches no other memory. The JVM reports it as an
 * {@link InternalError}, possibly a few statements late; CAS, {@code setMemory} and native code may end the JVM.
 *
 * <p><b>Waiting.</b> {@link #commit()}, {@link #rollback()}, {@link #atomically}, {@link #section()} and {@link #close()} may
 * have to wait for other threads: for open sections, a body of {@code atomically}, a commit in progress. Each of them
 * <ul>
 *   <li>can be interrupted while it waits ({@link RegionInterruptedException}, the thread's interrupt status stays set). One
 *       that need not wait is made whatever that status is; and once a cut has begun, an interrupt has no effect;
 *   <li>has a variant with a limit, {@code commitWithin} and so on ({@link RegionTimeoutException}); zero: not at all. The
 *       limit is for the waiting; what the call then does itself is not limited;
 *   <li>is shown in the {@link #status()} while it waits, and in the log after a few seconds, with the thread that it waits
 *       for.
 * </ul>
 * A call that ended so has done nothing, and can be made again.
 */
@ProviderType
public interface Region extends AutoCloseable {

    /** Service property of a configured region: its name. */
    String NAME_PROPERTY = "region.name";

    /** The name it was opened under. */
    String name();

    /** Its size in bytes, a multiple of the page size (4096). */
    long size();

    /**
     * The virtual address of its first byte: page-aligned, the same in every run. So pointers into the region may be kept in it;
     * pointers to anything else may not, unless they are bound anew in every run.
     */
    long address();

    /**
     * A view of {@code length} bytes from {@code offset} on, in native byte order. Views are cheap, may overlap, and
     * carry no position of another view. Not to be used after {@link #close()}. What is stored through them is kept as it is:
     * an address of something outside of the region means nothing to the next process.
     *
     * <p>Stores that the processor does not make for code of this process are not all seen: direct input ({@code O_DIRECT})
     * that is in flight during a commit, RDMA, and words that the kernel itself keeps (a lock with priority inheritance, the
     * mark of a robust lock's dead owner) do not belong into a region.
     *
     * @param offset bytes from the region's start
     * @param length bytes, 0 to 2 GiB - 1
     * @throws IndexOutOfBoundsException the range is not inside the region
     */
    ByteBuffer buffer(long offset, int length);

    /**
     * Makes every store executed before this call, by any thread, durable, atomically: waits until no section is
     * open, takes the cut, writes the changed lines to the store's log and returns when they have reached the
     * device. Stores made meanwhile belong to the next epoch. Concurrent commits share one persist.
     *
     * @return the epoch that is now durable and holds the caller's stores. When nothing had changed, nothing is
     *     written and this is the last epoch.
     * @throws CommitException the store could not make it durable; the region's content is untouched, the stores
     *     stay uncommitted and are part of the next commit, which may succeed
     * @throws ProviderMissingException its store is away; the stores stay uncommitted until it is back
     * @throws AbandonedSectionException a thread has ended inside a section, or has lost it; nothing was committed
     * @throws RegionInterruptedException the calling thread was interrupted while it waited
     * @throws IllegalStateException the calling thread has a {@link Section} open, or runs {@link #atomically}
     */
    long commit();

    /**
     * As {@link #commit()}, waiting for others no longer than {@code limit}.
     *
     * @throws RegionTimeoutException it had to wait for longer; nothing was committed
     */
    long commitWithin(Duration limit);

    /**
     * Returns the region to its last committed content, for all threads: waits until no section is open, then every
     * store since the last commit is gone. Those of abandoned sections are, too, and with them what kept commits from being
     * made.
     *
     * @throws RegionInterruptedException the calling thread was interrupted while it waited; nothing is rolled back
     * @throws IllegalStateException the calling thread has a {@link Section} open, or runs {@link #atomically}
     */
    void rollback();

    /**
     * As {@link #rollback()}, waiting for others no longer than {@code limit}.
     *
     * @throws RegionTimeoutException it had to wait for longer; nothing is rolled back
     */
    void rollbackWithin(Duration limit);

    /**
     * Opens a section: commit and rollback wait until none is open, so what is stored within one is all or nothing.
     * Sections of several threads run side by side, and a thread may nest them.
     *
     * <p>A commit that waits keeps new sections out only for moments, so that those it waits for can come to their end, even
     * where they wait for sections of other threads themselves; a thread that has a section open gets another one at once. The
     * moments begin with a millisecond, and grow up to four seconds while the commit waits.
     *
     * <pre>{@code
     * try (Section s = region.section()) {
     *     accounts.putLong(from, accounts.getLong(from) - 1);
     *     accounts.putLong(to, accounts.getLong(to) + 1);
     * }
     * }</pre>
     *
     * @throws RegionInterruptedException the calling thread was interrupted while it waited; no section is open
     */
    Section section();

    /**
     * As {@link #section()}, waiting for others no longer than {@code limit}.
     *
     * @throws RegionTimeoutException it had to wait for longer; no section is open
     */
    Section sectionWithin(Duration limit);

    /**
     * Accepts what was stored in sections that were abandoned: their threads have ended, or have let go of them without closing
     * them. From now on these are ordinary stores, and part of the next commit. Sections that can still be closed are not
     * touched; {@link RegionStatus#sections} shows both.
     *
     * @return how many there were
     */
    int abandonSections();

    /**
     * Runs {@code body} and commits when it returns, or rolls back when it throws. Bodies run one at a time and no
     * other commit or rollback happens meanwhile. Stores made outside by other threads share its fate; whoever
     * does not want that uses {@link #section()} or stores only in bodies.
     *
     * @return the epoch the commit made durable, as {@link #commit()} does
     * @throws E what {@code body} threw, after the rollback
     * @throws CommitException the commit failed; the stores have been rolled back
     * @throws RegionInterruptedException the calling thread was interrupted while it waited: before the body, which has not
     *     run then, or behind it, and the stores have been rolled back. Where a section that stays open keeps them from
     *     being rolled back, the body's stores count as those of an abandoned section
     */
    <E extends Exception> long atomically(AtomicBody<E> body) throws E;

    /**
     * As {@link #atomically}, waiting for others no longer than {@code limit}, before the body and behind it.
     *
     * @throws RegionTimeoutException it had to wait for longer; as with an interrupt
     */
    <E extends Exception> long atomicallyWithin(Duration limit, AtomicBody<E> body) throws E;

    /**
     * Reads exactly {@code length} bytes from {@code channel} into the region. This always works and is tracked,
     * whereas a system call that writes into a region's buffer by itself may fail at once with EFAULT.
     *
     * @throws java.io.EOFException the channel ended first; what was read is stored, uncommitted
     * @throws IllegalArgumentException a channel opened for direct I/O (O_DIRECT)
     */
    void readFully(ReadableByteChannel channel, long offset, long length) throws IOException;

    /**
     * Writes exactly {@code length} bytes of the region to {@code channel}.
     *
     * @throws IllegalArgumentException a channel opened for direct I/O (O_DIRECT)
     */
    void writeFully(WritableByteChannel channel, long offset, long length) throws IOException;

    /**
     * Swaps providers while threads store: nothing is lost, nothing is committed, and a rollback still returns to the last
     * commit. Writers are stopped for about as long as by a cut. The selectors stay in force for the providers that come
     * and go later. Swaps of one region happen one at a time; one that is asked for during another waits for its turn, and
     * both wait for a commit in progress.
     *
     * <p>Where what is asked for does not go with an axis that is not named here, that axis gives way: {@code vmm=kvm}
     * brings {@code pagetable=guest}. The result says which tuple is in force.
     *
     * <p>A store is swapped between two commits. If the other one opens the image's very files, in the same folder
     * ({@code file} for {@code dax} and back), nothing is copied. Otherwise the image moves: it is copied while threads store
     * and commit, {@link RegionStatus#move} tells how far it is, and this returns when the region goes on from there. Asking
     * for the store in force gives such a move up.
     *
     * @param selectors for each axis that is to change ({@link RegionOptions#AXES}) a selector as in
     *     {@link RegionOptions}
     * @return the swap; when the providers in force are the best for the selectors already, one from and to them
     * @throws ProviderMissingException nothing fits the selectors; all stays as it is
     * @throws InvalidRegionException an axis there is none of, or a malformed filter
     * @throws RegionException a provider refused; the providers in force stay
     * @throws IllegalStateException called by a phase observer inside a commit
     */
    RegionStatus.Swap swap(Map<String, String> selectors);

    /** What there is to know about it now; also of a closed region (its last status). */
    RegionStatus status();

    /** What it did lately: commits, how long they took, and where it was written. */
    RegionActivity activity();

    /** False once closed, by its owner or because the runtime went away. */
    boolean isOpen();

    /**
     * Closes it. Uncommitted stores are gone, as in a crash. Waits for open sections of other threads, a body of {@code
     * atomically} and a commit in progress; idempotent. An interrupt that came before the call does not end it, so that a
     * thread that is told to stop can still let go of its regions.
     *
     * @throws RegionInterruptedException the calling thread was interrupted while it waited; the region is open
     */
    @Override
    void close();

    /**
     * As {@link #close()}, waiting for others no longer than {@code limit}.
     *
     * @throws RegionTimeoutException it had to wait for longer; the region is open
     */
    void closeWithin(Duration limit);

    /** What {@link Region#atomically} runs. */
    @FunctionalInterface
    interface AtomicBody<E extends Exception> {
        /** Stores into the region; an exception undoes them. */
        void run() throws E;
    }
}
