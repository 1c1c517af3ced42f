// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.vellum.api.AbandonedSectionException;
import org.vellum.api.RegionStatus;
import org.vellum.api.Section;
import org.vellum.runtime.waiting.Headroom;
import org.vellum.runtime.waiting.Threads;
import org.vellum.runtime.waiting.Wait;

/**
 * The sections of one region: many threads have some open at a time, or one thread has the region for itself and there is
 * none. Who comes in when is decided by the {@link Door}.
 *
 * <p>A section that nobody will close is <em>abandoned</em>: its thread has ended, or nobody has the {@link Section} any more.
 * Nobody waits for it. What was stored in it may be half of a change, so whoever commits has to ask {@link
 * #requireNoneAbandoned}.
 *
 * <p>Nothing foreign is called while {@link #lock} is held, and what holds it allocates nothing between two changes that belong
 * together: no error leaves it, or a section, behind. Safe for use by many threads.
 */
public final class Sections {
    /** How often a claim looks for threads that have ended. */
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

    private static final int NAMED = 3;

    /** What a thread has open, by {@link Door#forThread}. */
    private final ThreadLocal<long[]> own = new ThreadLocal<>();

    private final String region;
    private final ReentrantLock lock = new ReentrantLock();
    /** Those at the door are let in. */
    private final Condition admission = lock.newCondition();
    /** A claim was granted, or the door was opened, so that whoever waits has to look when to close it. */
    private final Condition vacancy = lock.newCondition();

    /** Guarded by the lock, as all below. */
    private final Door door = new Door(admission, vacancy);

    private final List<RegionStatus.OpenSection> abandoned = new ArrayList<>();

    public Sections(String region) {
        this.region = region;
    }

    String region() {
        return region;
    }

    // Sections

    /** @param requirement throws where there must not be any section, once this one is open */
    public Section open(Wait wait, Runnable requirement) {
        Headroom.require();
        long[] mine = own.get();
        if (mine == null) {
            mine = Door.forThread();
            own.set(mine);
        }
        OpenSection section = new OpenSection(this, Thread.currentThread(), mine);
        enter(section.node(), wait);
        boolean open = false;
        try {
            requirement.run();
            open = true;
            return section;
        } finally {
            if (!open) {
                leave(section.node());
            }
        }
    }

    private void enter(OpenSection.Node node, Wait wait) {
        lock.lock();
        try {
            if (!door.admitAtOnce(node)) {
                standAtDoor(node, wait);
            }
        } finally {
            lock.unlock();
        }
    }

    private void standAtDoor(OpenSection.Node node, Wait wait) {
        boolean entered = false;
        door.arrive(node);
        wait.begin(this::whoKeepsSectionsOut);
        try {
            while (!node.isInside()) {
                wait.check();
                long still = door.patienceLeft(node);
                if (still <= 0) {
                    door.openForAWhile();
                } else {
                    wait.await(admission, Math.min(still, wait.left()));
                }
            }
            entered = true;
        } finally {
            if (!entered) {
                door.withdraw(node);
            }
            wait.end();
        }
    }

    /** A section ends; one that has ended already is left alone. */
    void leave(OpenSection.Node node) {
        lockWhateverHappens();
        try {
            if (node.isInside()) {
                door.leave(node);
            }
        } finally {
            lock.unlock();
        }
    }

    /** A section that cannot be closed would be worse than a thread that spins: memory comes back. */
    private void lockWhateverHappens() {
        while (true) {
            try {
                lock.lock();
                return;
            } catch (OutOfMemoryError e) {
                Thread.onSpinWait();
            }
        }
    }

    public boolean isHeldByCurrentThread() {
        long[] mine = own.get();
        if (mine == null) {
            return false;
        }
        lock.lock();
        try {
            return Door.isInside(mine);
        } finally {
            lock.unlock();
        }
    }

    /** Ends every section of the calling thread; whether there were any. */
    public boolean endOwn() {
        Thread self = Thread.currentThread();
        boolean some = false;
        lockWhateverHappens();
        try {
            for (OpenSection.Node node = door.inside().latest(); node != null; node = node.earlier()) {
                if (node.thread() == self) {
                    door.leave(node);
                    some = true;
                }
            }
        } finally {
            lock.unlock();
        }
        return some;
    }

    // The region for oneself

    /**
     * Returns when no section is open; none will be until {@link #release}. Not reentrant.
     *
     * @param operation what for, such as {@code commit()}
     */
    public void take(Wait wait, String operation) {
        Door.Claim claim = new Door.Claim(operation);
        lock.lock();
        try {
            if (!takeIfVacant(operation)) {
                takeInTurn(claim, wait);
            }
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #take}, at once or not at all. */
    public boolean takeAtOnce(String operation) {
        lock.lock();
        try {
            return takeIfVacant(operation);
        } finally {
            lock.unlock();
        }
    }

    private boolean takeIfVacant(String operation) {
        collectAbandoned();
        return door.takeIfVacant(operation);
    }

    private void takeInTurn(Door.Claim claim, Wait wait) {
        wait.begin(this::whoIsInside);
        boolean taken = false;
        try {
            door.claim(claim);
            while (!claim.isGranted()) {
                wait.check();
                wait.await(vacancy, Math.min(Math.min(door.closeInTime(), LOOK), wait.left()));
                if (!claim.isGranted()) {
                    collectAbandoned();
                }
            }
            taken = true;
        } finally {
            if (!taken) {
                door.withdraw(claim);
            }
            wait.end();
        }
    }

    /** Ends what {@link #take} began. */
    public void release() {
        lockWhateverHappens();
        try {
            door.giveBack();
        } finally {
            lock.unlock();
        }
    }

    // Those that nobody will close

    /** With the lock. */
    private void collectAbandoned() {
        for (OpenSection.Node node = door.inside().latest(); node != null; node = node.earlier()) {
            String why = whyNobodyClosesIt(node);
            if (why != null) {
                abandoned.add(
                        new RegionStatus.OpenSection(Threads.name(node.thread()), node.since(), Optional.of(why)));
                door.leave(node);
            }
        }
    }

    private static String whyNobodyClosesIt(OpenSection.Node node) {
        if (!node.thread().isAlive()) {
            return "its thread has ended without closing it";
        }
        return node.get() == null ? "its thread has let go of it without closing it" : null;
    }

    /** What the calling thread stored is to count as a section's that nobody closes. */
    public void abandon(String why) {
        RegionStatus.OpenSection section =
                new RegionStatus.OpenSection(Threads.name(Thread.currentThread()), Instant.now(), Optional.of(why));
        lockWhateverHappens();
        try {
            abandoned.add(section);
        } finally {
            lock.unlock();
        }
    }

    /** @throws AbandonedSectionException there are some; says what can be done */
    public void requireNoneAbandoned(String operation) {
        List<RegionStatus.OpenSection> some = abandoned();
        if (!some.isEmpty()) {
            throw new AbandonedSectionException(
                    "region '" + region + "': " + operation + " refused: " + sentence(some));
        }
    }

    private static String sentence(List<RegionStatus.OpenSection> abandoned) {
        RegionStatus.OpenSection first = abandoned.get(0);
        return "the section that thread '" + first.thread() + "' opened at " + first.since() + " was abandoned ("
                + first.abandoned().orElseThrow() + ")"
                + (abandoned.size() == 1 ? "" : ", and " + (abandoned.size() - 1) + " more")
                + ". What was stored in it may be half of a change: rollback() takes the region back to the last commit,"
                + " abandonSections() accepts what was stored";
    }

    /** Looks for new ones, too. */
    List<RegionStatus.OpenSection> abandoned() {
        lock.lock();
        try {
            collectAbandoned();
            return List.copyOf(abandoned);
        } finally {
            lock.unlock();
        }
    }

    /** What they stored is accepted, or is gone. How many there were. */
    public int forgetAbandoned() {
        lock.lock();
        try {
            collectAbandoned();
            int count = abandoned.size();
            abandoned.clear();
            return count;
        } finally {
            lock.unlock();
        }
    }

    // For people

    /** For the region's status: why commits are refused, if they are. */
    public Optional<String> remark() {
        List<RegionStatus.OpenSection> some = abandoned();
        return some.isEmpty() ? Optional.empty() : Optional.of("commits are refused: " + sentence(some));
    }

    /** The abandoned ones and then the open ones, oldest first. */
    public List<RegionStatus.OpenSection> status() {
        List<RegionStatus.OpenSection> sections = new ArrayList<>(abandoned());
        Deque<RegionStatus.OpenSection> open = new ArrayDeque<>();
        lock.lock();
        try {
            for (OpenSection.Node node = door.inside().latest(); node != null; node = node.earlier()) {
                open.addFirst(
                        new RegionStatus.OpenSection(Threads.name(node.thread()), node.since(), Optional.empty()));
            }
        } finally {
            lock.unlock();
        }
        sections.addAll(open);
        return List.copyOf(sections.subList(0, Math.min(sections.size(), RegionStatus.SHOWN)));
    }

    private String whoIsInside() {
        lock.lock();
        try {
            if (door.isTaken()) {
                return door.takenBy();
            }
            int threads = door.threads();
            StringBuilder sentence =
                    new StringBuilder("sections of " + threads + (threads == 1 ? " thread" : " threads"));
            int named = 0;
            for (OpenSection.Node node = door.inside().oldest(); node != null && named < NAMED; node = node.later()) {
                sentence.append(named++ == 0 ? ": " : ", ")
                        .append(Threads.sentence(node.thread()))
                        .append(" for ")
                        .append(Threads.since(node.since()));
            }
            return sentence.toString();
        } finally {
            lock.unlock();
        }
    }

    private String whoKeepsSectionsOut() {
        lock.lock();
        try {
            return door.isTaken() ? door.takenBy() : "a commit, rollback or close that waits for " + whoIsInside();
        } finally {
            lock.unlock();
        }
    }
}
