// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.time.Instant;
import org.vellum.api.Section;
import org.vellum.runtime.waiting.Threads;

/** What the application holds of a section. While it does, the section can be closed. */
final class OpenSection implements Section {
    /**
     * A section, at the door or inside; an element of a list. Refers weakly to what the application holds, so that it is
     * found out when nobody will close the section.
     */
    static final class Node extends WeakReference<OpenSection> {
        private final Thread thread;
        private final long[] mine;
        private final Instant since = Instant.now();
        /** Guarded by the lock of the {@link Sections}, as all below. */
        private Node later;

        private Node earlier;
        private boolean inside;
        /** When it came to the door. */
        private long arrived;

        private Node(OpenSection section, Thread thread, long[] mine) {
            super(section);
            this.thread = thread;
            this.mine = mine;
        }

        Thread thread() {
            return thread;
        }

        /** What its thread has open, see {@link Door}. */
        long[] mine() {
            return mine;
        }

        Instant since() {
            return since;
        }

        boolean isInside() {
            return inside;
        }

        void enters() {
            inside = true;
        }

        void leaves() {
            inside = false;
        }

        long arrived() {
            return arrived;
        }

        void arrives(long now) {
            arrived = now;
        }

        /** The one before it in its list; stays what it was when this one is removed. */
        Node earlier() {
            return earlier;
        }

        /** The one behind it in its list. */
        Node later() {
            return later;
        }
    }

    /** A list of sections whose elements carry its links: nothing is allocated, so nothing fails half way. */
    static final class Chain {
        private Node latest;

        boolean isEmpty() {
            return latest == null;
        }

        Node latest() {
            return latest;
        }

        /** Null: there is none. */
        Node oldest() {
            Node oldest = latest;
            while (oldest != null && oldest.earlier != null) {
                oldest = oldest.earlier;
            }
            return oldest;
        }

        void add(Node node) {
            node.later = null;
            node.earlier = latest;
            if (latest != null) {
                latest.later = node;
            }
            latest = node;
        }

        /** The element keeps its {@link Node#earlier}, so that whoever goes through the list goes on. */
        void remove(Node node) {
            if (node.later == null) {
                latest = node.earlier;
            } else {
                node.later.earlier = node.earlier;
            }
            if (node.earlier != null) {
                node.earlier.later = node.later;
            }
        }
    }

    private final Sections sections;
    private final Node node;

    OpenSection(Sections sections, Thread thread, long[] mine) {
        this.sections = sections;
        node = new Node(this, thread, mine);
    }

    Node node() {
        return node;
    }

    @Override
    public void close() {
        Thread closer = Thread.currentThread();
        if (closer != node.thread) {
            throw new IllegalStateException("region '" + sections.region() + "': the section that thread '"
                    + Threads.name(node.thread) + "' opened is to be closed by it, not by thread '"
                    + Threads.name(closer) + "'");
        }
        // One that is not inside any more has ended with the region, which this thread closed in it.
        try {
            sections.leave(node);
        } finally {
            // Until it has left it is reachable, though nothing reads this object any more.
            Reference.reachabilityFence(this);
        }
    }
}
