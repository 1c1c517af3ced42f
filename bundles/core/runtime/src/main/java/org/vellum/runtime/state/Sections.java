// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
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
 * none.
 *
 * <p>Sections come in by a door. Somebody who wants the region for himself (a cut, a rollback, a close) makes a <em>claim</em>,
 * and closes it, so that sections come to an end. But the sections that are open may wait for threads that stand at the door;
 * nobody can tell. So the door never stays closed as long as such a thread would wait for ever, and is never open all the
 * time that a claim waits:
 *
 * <pre>
 *            claim, sections are open                 release, other claims and open sections
 *   OPEN ─────────────────────────────▶ CLOSED ◀──────────────────────────────────── TAKEN
 *    │ ▲ ▲ ◀─── patience is over, or ──── │                                           ▲ ▲ │
 *    │ │ │      the claim is given up     │ the last section ends                     │ │ │
 *    │ │ │                                └───────────────────────────────────────────┘ │ │
 *    │ │ └──────────── release ─────────────────────────────────────────────────────────│─┘
 *    │ │                                                                                │
 *    │ └─ (with a claim: closed again when the pause is over, or when all have ended    │
 *    │     that were open when it was opened)                                           │
 *    └──────────── claim, no section is open; or the last one ends ─────────────────────┘
 * </pre>
 *
 * <p>The rules, and why they are enough:
 * <ol>
 *   <li>A thread that has a section open gets another one at once. There is one while the door is CLOSED only if others are, so
 *       this delays no claim for longer than that thread's own section does.
 *   <li>Whoever stands at a CLOSED door opens it when, for as long as the <em>patience</em>, no thread has ended its last
 *       section. All that stand there come in. The patience is finite, and the threads inside are, so everybody at the door
 *       comes in: <b>a claim that waits makes no deadlock</b>.
 *   <li>When the last section ends, the oldest claim gets the region, before anybody else can come in, whether the door is OPEN
 *       or CLOSED.
 *   <li>The patience begins with {@link #FIRST_PATIENCE}, and doubles whenever the door has to be opened although threads are
 *       inside that came in since it was last opened: their sections last longer than that. Up to {@link #MOST_PATIENCE}, then
 *       it begins anew. So where sections do not wait for each other and none lasts longer than {@link #MOST_PATIENCE}, there
 *       is a time for which the door stays closed for long enough for all of them to end: <b>a claim does not starve</b>.
 *   <li>Where only such threads are left inside that had been there before (one that hangs, say), keeping others out for longer
 *       would help nobody: the patience stays as it is, and the door stays open for longer and longer, until they have ended.
 *   <li>When the region is given back, all that stand at the door come in before the next claim is looked at: <b>sections do not
 *       starve</b> however often there is a commit.
 * </ol>
 *
 * <p>A section that nobody will close is <em>abandoned</em>: its thread has ended, or nobody has the {@link Section} any more.
 * Nobody waits for it. What was stored in it may be half of a change, so whoever commits has to ask {@link
 * #requireNoneAbandoned}.
 *
 * <p>Nothing foreign is called while {@link #lock} is held, and what holds it allocates nothing between two changes that belong
 * together: no error leaves it, or a section, behind.
 */
public final class Sections {
    private static final long FIRST_PATIENCE = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long MOST_PATIENCE = TimeUnit.SECONDS.toNanos(4);
    /** For which the door stays open while only those are inside who had been there before. */
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(100);
    /** How often a claim looks for threads that have ended. */
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

    private static final int NAMED = 3;

    /** See the diagram above. */
    private enum Door {
        OPEN,
        CLOSED,
        TAKEN
    }

    /**
     * What a thread has open: how many sections, and in which round it came in. An array of numbers, for it stays with the
     * thread, and must not keep this bundle's classes with it.
     */
    private final ThreadLocal<long[]> own = new ThreadLocal<>();

    private static final int OPEN_OF_THREAD = 0;
    private static final int ROUND_OF_THREAD = 1;

    /** A section, at the door or inside; an element of a list. Refers to what the application holds. */
    private static final class Node extends WeakReference<OpenSection> {
        private final Thread thread;
        private final long[] mine;
        private final Instant since = Instant.now();
        /** Both guarded by the lock, as all below. */
        private Node previous;

        private Node next;
        private boolean inside;
        /** When it came to the door. */
        private long arrived;

        private Node(OpenSection section, Thread thread, long[] mine) {
            super(section);
            this.thread = thread;
            this.mine = mine;
        }
    }

    /** Of somebody who wants the region for himself. */
    private static final class Claim {
        private final Thread thread = Thread.currentThread();
        private boolean granted;
    }

    private final String region;
    private final ReentrantLock lock = new ReentrantLock();
    /** Those at the door are let in. */
    private final Condition admission = lock.newCondition();
    /** A claim was granted, or the door was opened, so that whoever waits has to look when to close it. */
    private final Condition vacancy = lock.newCondition();

    /** Guarded by the lock, as all below. */
    private Door door = Door.OPEN;

    /** The latest section that came in, and through it all that are inside. */
    private Node inside;
    /** The latest section that came to the door, and through it all that stand there. */
    private Node atDoor;
    /** Threads inside. */
    private int threads;
    /** Of them, those that were inside when the door was last opened. Only kept while there is a claim. */
    private int survivors;
    /** Counts the openings of the door. */
    private long round;

    private long patience;
    private long pause;
    /** When the door was closed, or a thread left since. */
    private long lastProgress;
    /** When an OPEN door is to be closed for a claim. */
    private long closing;

    private final Deque<Claim> claims = new ArrayDeque<>();
    /** TAKEN by whom, and for what. */
    private Thread taker;

    private String takenFor;
    private final List<RegionStatus.OpenSection> abandoned = new ArrayList<>();

    public Sections(String region) {
        this.region = region;
    }

    // Sections

    /** @param requirement throws where there must not be any section, once this one is open */
    public Section open(Wait wait, Runnable requirement) {
        Headroom.require();
        long[] mine = own.get();
        if (mine == null) {
            mine = new long[2];
            own.set(mine);
        }
        OpenSection section = new OpenSection(this, Thread.currentThread(), mine);
        enter(section.node, wait);
        boolean open = false;
        try {
            requirement.run();
            open = true;
            return section;
        } finally {
            if (!open) {
                leave(section.node);
            }
        }
    }

    private void enter(Node node, Wait wait) {
        lock.lock();
        try {
            if (door == Door.OPEN || node.mine[OPEN_OF_THREAD] > 0) {
                admit(node);
            } else {
                standAtDoor(node, wait);
            }
        } finally {
            lock.unlock();
        }
    }

    private void standAtDoor(Node node, Wait wait) {
        boolean entered = false;
        node.arrived = System.nanoTime();
        node.next = atDoor;
        if (atDoor != null) {
            atDoor.previous = node;
        }
        atDoor = node;
        wait.begin(this::whoKeepsSectionsOut);
        try {
            while (!node.inside) {
                wait.check();
                long still = door == Door.TAKEN
                        ? Wait.ENDLESS
                        : Math.max(node.arrived, lastProgress) + patience - System.nanoTime();
                if (still <= 0) {
                    openDoorForAWhile();
                } else {
                    wait.await(admission, Math.min(still, wait.left()));
                }
            }
            entered = true;
        } finally {
            if (!entered) {
                if (node.inside) {
                    remove(node);
                } else {
                    unlinkFromDoor(node);
                }
            }
            wait.end();
        }
    }

    /** With the lock. Calls nothing. */
    private void admit(Node node) {
        node.previous = null;
        node.next = inside;
        if (inside != null) {
            inside.previous = node;
        }
        inside = node;
        node.inside = true;
        if (node.mine[OPEN_OF_THREAD]++ == 0) {
            node.mine[ROUND_OF_THREAD] = round;
            threads++;
        }
    }

    /** With the lock. */
    private void admitAll() {
        while (atDoor != null) {
            Node node = atDoor;
            atDoor = node.next;
            admit(node);
        }
        admission.signalAll();
    }

    private void unlinkFromDoor(Node node) {
        if (node.previous == null) {
            atDoor = node.next;
        } else {
            node.previous.next = node.next;
        }
        if (node.next != null) {
            node.next.previous = node.previous;
        }
        node.previous = null;
        node.next = null;
    }

    /** A section ends; one that has ended already is left alone. */
    private void leave(Node node) {
        lockWhateverHappens();
        try {
            if (node.inside) {
                remove(node);
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

    /** With the lock. */
    private void remove(Node node) {
        node.inside = false;
        if (node.previous == null) {
            inside = node.next;
        } else {
            node.previous.next = node.next;
        }
        if (node.next != null) {
            node.next.previous = node.previous;
        }
        if (--node.mine[OPEN_OF_THREAD] == 0) {
            threads--;
            if (node.mine[ROUND_OF_THREAD] < round) {
                survivors--;
            }
            threadLeft();
        }
    }

    private void threadLeft() {
        lastProgress = System.nanoTime();
        if (claims.isEmpty()) {
            return;
        }
        if (threads == 0) {
            grantOldestClaim();
        } else if (door == Door.OPEN && survivors == 0) {
            closeDoor();
        }
    }

    public boolean isHeldByCurrentThread() {
        long[] mine = own.get();
        if (mine == null) {
            return false;
        }
        lock.lock();
        try {
            return mine[OPEN_OF_THREAD] > 0;
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
            for (Node node = inside; node != null; node = node.next) {
                if (node.thread == self) {
                    remove(node); // keeps its own way on
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
        Claim claim = new Claim();
        lock.lock();
        try {
            if (!takeIfVacant(operation)) {
                takeInTurn(claim, wait);
                takenFor = operation;
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
        if (threads > 0 || door == Door.TAKEN || !claims.isEmpty()) {
            return false;
        }
        door = Door.TAKEN;
        taker = Thread.currentThread();
        takenFor = operation;
        return true;
    }

    private void takeInTurn(Claim claim, Wait wait) {
        wait.begin(this::whoIsInside);
        boolean taken = false;
        try {
            claims.addLast(claim);
            if (claims.size() == 1 && door == Door.OPEN) {
                beginClosing();
            }
            while (!claim.granted) {
                wait.check();
                long still = LOOK;
                if (door == Door.OPEN) {
                    still = closing - System.nanoTime();
                    if (still <= 0) {
                        closeDoor();
                        still = LOOK;
                    }
                }
                wait.await(vacancy, Math.min(Math.min(still, LOOK), wait.left()));
                if (!claim.granted) {
                    collectAbandoned();
                }
            }
            taken = true;
        } finally {
            if (!taken) {
                withdraw(claim);
            }
            wait.end();
        }
    }

    private void withdraw(Claim claim) {
        claims.remove(claim);
        if (claim.granted) {
            giveBack();
        } else if (claims.isEmpty() && door == Door.CLOSED) {
            door = Door.OPEN;
            admitAll();
        }
    }

    /** Of the claim that is the first one now. */
    private void beginClosing() {
        patience = FIRST_PATIENCE;
        pause = FIRST_PATIENCE;
        nextRound();
        closeDoor();
    }

    private void nextRound() {
        round++;
        survivors = threads;
    }

    private void closeDoor() {
        door = Door.CLOSED;
        lastProgress = System.nanoTime();
    }

    private void openDoorForAWhile() {
        if (threads > survivors) {
            patience = 2 * patience > MOST_PATIENCE ? FIRST_PATIENCE : 2 * patience;
            pause = patience;
        } else {
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
        nextRound();
        door = Door.OPEN;
        closing = System.nanoTime() + pause;
        admitAll();
        vacancy.signalAll();
    }

    private void grantOldestClaim() {
        Claim claim = claims.poll();
        claim.granted = true;
        door = Door.TAKEN;
        taker = claim.thread;
        takenFor = "its turn";
        vacancy.signalAll();
    }

    /** Ends what {@link #take} began. */
    public void release() {
        lockWhateverHappens();
        try {
            giveBack();
        } finally {
            lock.unlock();
        }
    }

    private void giveBack() {
        door = Door.OPEN;
        taker = null;
        admitAll();
        if (!claims.isEmpty()) {
            if (threads == 0) {
                grantOldestClaim();
            } else {
                beginClosing();
            }
        }
    }

    // Those that nobody will close

    /** With the lock. */
    private void collectAbandoned() {
        for (Node node = inside; node != null; node = node.next) {
            String why = whyNobodyClosesIt(node);
            if (why != null) {
                abandoned.add(new RegionStatus.OpenSection(Threads.name(node.thread), node.since, Optional.of(why)));
                remove(node);
            }
        }
    }

    private static String whyNobodyClosesIt(Node node) {
        if (!node.thread.isAlive()) {
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
            for (Node node = inside; node != null; node = node.next) {
                open.addFirst(new RegionStatus.OpenSection(Threads.name(node.thread), node.since, Optional.empty()));
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
            if (door == Door.TAKEN) {
                return taker();
            }
            StringBuilder sentence =
                    new StringBuilder("sections of " + threads + (threads == 1 ? " thread" : " threads"));
            Node oldest = inside;
            while (oldest != null && oldest.next != null) {
                oldest = oldest.next;
            }
            int named = 0;
            for (Node node = oldest; node != null && named < NAMED; node = node.previous) {
                sentence.append(named++ == 0 ? ": " : ", ")
                        .append(Threads.sentence(node.thread))
                        .append(" for ")
                        .append(Threads.since(node.since));
            }
            return sentence.toString();
        } finally {
            lock.unlock();
        }
    }

    private String whoKeepsSectionsOut() {
        lock.lock();
        try {
            return door == Door.TAKEN ? taker() : "a commit, rollback or close that waits for " + whoIsInside();
        } finally {
            lock.unlock();
        }
    }

    private String taker() {
        return Threads.sentence(taker) + ", which is in " + takenFor;
    }

    /** What the application holds. While it does, the section can be closed. */
    private static final class OpenSection implements Section {
        private final Sections sections;
        private final Node node;

        private OpenSection(Sections sections, Thread thread, long[] mine) {
            this.sections = sections;
            node = new Node(this, thread, mine);
        }

        @Override
        public void close() {
            Thread closer = Thread.currentThread();
            if (closer != node.thread) {
                throw new IllegalStateException("region '" + sections.region + "': the section that thread '"
                        + Threads.name(node.thread) + "' opened is to be closed by it, not by thread '"
                        + Threads.name(closer) + "'");
            }
            // One that is not inside any more has ended with the region, which this thread closed in it.
            try {
                sections.leave(node);
            } finally {
                // Until it has left it is not let go of, though nothing reads this object any more.
                Reference.reachabilityFence(this);
            }
        }
    }
}
