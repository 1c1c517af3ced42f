// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import org.vellum.runtime.waiting.Threads;
import org.vellum.runtime.waiting.Wait;

/**
 * The door by which sections come in. Somebody who wants the region for himself (a cut, a rollback, a close) makes a <em>claim</em>,
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
 * <p>Used with the lock of the {@link Sections} held. Calls nothing foreign, and allocates nothing between two changes that belong
 * together: no error leaves a section or the region behind.
 */
final class Door {
    private static final long FIRST_PATIENCE = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long MOST_PATIENCE = TimeUnit.SECONDS.toNanos(4);
    /** For which the door stays open while only those are inside who had been there before. */
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

    /** See the diagram above. */
    private enum State {
        OPEN,
        CLOSED,
        TAKEN
    }

    /**
     * What a thread has open: how many sections, and in which round it came in. An array of numbers, for it stays with the
     * thread, and must not keep this bundle's classes with it.
     */
    static long[] forThread() {
        return new long[2];
    }

    private static final int OPEN_OF_THREAD = 0;
    private static final int ROUND_OF_THREAD = 1;

    /** Whether the thread that this is of has a section open. */
    static boolean isInside(long[] mine) {
        return mine[OPEN_OF_THREAD] > 0;
    }

    /** Of somebody who wants the region for himself. */
    static final class Claim {
        private final Thread thread = Thread.currentThread();
        private final String operation;
        private boolean granted;

        /** @param operation what for, such as {@code commit()} */
        Claim(String operation) {
            this.operation = operation;
        }

        boolean isGranted() {
            return granted;
        }
    }

    /** Signalled when those at the door are let in. */
    private final Condition admission;
    /** Signalled when a claim was granted, or the door was opened, so that whoever waits has to look when to close it. */
    private final Condition vacancy;

    private State state = State.OPEN;
    private final OpenSection.Chain inside = new OpenSection.Chain();
    private final OpenSection.Chain atDoor = new OpenSection.Chain();
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

    Door(Condition admission, Condition vacancy) {
        this.admission = admission;
        this.vacancy = vacancy;
    }

    boolean isTaken() {
        return state == State.TAKEN;
    }

    /** Who has it, for people; while it is taken. */
    String takenBy() {
        return Threads.sentence(taker) + ", which is in " + takenFor;
    }

    int threads() {
        return threads;
    }

    OpenSection.Chain inside() {
        return inside;
    }

    // Sections

    /** Lets a section in that need not wait; whether it need not. */
    boolean admitAtOnce(OpenSection.Node node) {
        if (state != State.OPEN && !isInside(node.mine())) {
            return false;
        }
        admit(node);
        return true;
    }

    /** A section has to wait. */
    void arrive(OpenSection.Node node) {
        node.arrives(System.nanoTime());
        atDoor.add(node);
    }

    /** A section at the door is given up, or one that was let in meanwhile. */
    void withdraw(OpenSection.Node node) {
        if (node.isInside()) {
            leave(node);
        } else {
            atDoor.remove(node);
        }
    }

    /** For how many nanoseconds a section waits at the door before it opens it; {@link Wait#ENDLESS}: it does not. */
    long patienceLeft(OpenSection.Node node) {
        return state == State.TAKEN
                ? Wait.ENDLESS
                : Math.max(node.arrived(), lastProgress) + patience - System.nanoTime();
    }

    private void admit(OpenSection.Node node) {
        inside.add(node);
        node.enters();
        long[] mine = node.mine();
        if (mine[OPEN_OF_THREAD]++ == 0) {
            mine[ROUND_OF_THREAD] = round;
            threads++;
        }
    }

    private void admitAll() {
        while (!atDoor.isEmpty()) {
            OpenSection.Node node = atDoor.latest();
            atDoor.remove(node);
            admit(node);
        }
        admission.signalAll();
    }

    /** A section that is inside ends. */
    void leave(OpenSection.Node node) {
        node.leaves();
        inside.remove(node);
        long[] mine = node.mine();
        if (--mine[OPEN_OF_THREAD] == 0) {
            threads--;
            if (mine[ROUND_OF_THREAD] < round) {
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
        } else if (state == State.OPEN && survivors == 0) {
            close();
        }
    }

    // The region for oneself

    /** Whether the region could be had at once, and is taken. */
    boolean takeIfVacant(String operation) {
        if (threads > 0 || state == State.TAKEN || !claims.isEmpty()) {
            return false;
        }
        state = State.TAKEN;
        taker = Thread.currentThread();
        takenFor = operation;
        return true;
    }

    void claim(Claim claim) {
        claims.addLast(claim);
        if (claims.size() == 1 && state == State.OPEN) {
            beginClosing();
        }
    }

    /**
     * Closes an open door when it is time to.
     *
     * @return nanoseconds until it is, or {@link Wait#ENDLESS}
     */
    long closeInTime() {
        if (state != State.OPEN) {
            return Wait.ENDLESS;
        }
        long still = closing - System.nanoTime();
        if (still <= 0) {
            close();
            return Wait.ENDLESS;
        }
        return still;
    }

    /** The claim is given up. */
    void withdraw(Claim claim) {
        claims.remove(claim);
        if (claim.granted) {
            giveBack();
        } else if (claims.isEmpty() && state == State.CLOSED) {
            state = State.OPEN;
            admitAll();
        }
    }

    /** Of the claim that is the first one now. */
    private void beginClosing() {
        patience = FIRST_PATIENCE;
        pause = FIRST_PATIENCE;
        nextRound();
        close();
    }

    private void nextRound() {
        round++;
        survivors = threads;
    }

    private void close() {
        assert state == State.OPEN : state;
        state = State.CLOSED;
        lastProgress = System.nanoTime();
    }

    /** The patience of one that stands there is over. */
    void openForAWhile() {
        assert state == State.CLOSED : state;
        if (threads > survivors) {
            patience = 2 * patience > MOST_PATIENCE ? FIRST_PATIENCE : 2 * patience;
            pause = patience;
        } else {
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
        nextRound();
        state = State.OPEN;
        closing = System.nanoTime() + pause;
        admitAll();
        vacancy.signalAll();
    }

    private void grantOldestClaim() {
        assert state != State.TAKEN && threads == 0 : state;
        Claim claim = claims.poll();
        claim.granted = true;
        state = State.TAKEN;
        taker = claim.thread;
        takenFor = claim.operation;
        vacancy.signalAll();
    }

    /** The region is not needed for oneself any more. */
    void giveBack() {
        assert state == State.TAKEN : state;
        state = State.OPEN;
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
}
