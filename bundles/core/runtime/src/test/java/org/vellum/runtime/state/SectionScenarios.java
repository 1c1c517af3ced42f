// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.vellum.api.AbandonedSectionException;
import org.vellum.api.RegionInterruptedException;
import org.vellum.api.Section;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;
import org.vellum.schedules.Scenario;

/** The lock of sections by itself. */
@SuppressWarnings("try") // sections are opened to be open
public final class SectionScenarios {
    private SectionScenarios() {}

    public static List<Supplier<Scenario>> all() {
        return List.of(
                SectionsExclude::new,
                SectionsThatWait::new,
                ChainOfSections::new,
                InterruptedClaim::new,
                DeadThread::new);
    }

    private abstract static class OnSections extends Scenario {
        final Sections sections = new Sections("orders");
        final Waits waits = new Waits("region 'orders'", Optional.empty());
        final AtomicInteger inside = new AtomicInteger();
        final AtomicInteger alone = new AtomicInteger();

        final void section(Body body) throws Throwable {
            try (Section section = sections.open(waits.of("section()"), () -> {})) {
                inside.incrementAndGet();
                require(alone.get() == 0, "a section is open although somebody has the region for himself");
                body.run();
                require(alone.get() == 0, "somebody has the region for himself although a section is open");
                inside.decrementAndGet();
            }
        }

        final void take(Wait wait) {
            sections.take(wait, "commit()");
            require(alone.incrementAndGet() == 1, "two have the region for themselves");
            require(inside.get() == 0, "a section is open although somebody has the region for himself");
            require(alone.decrementAndGet() == 0, "two have the region for themselves");
            sections.release();
        }
    }

    /** Two threads with sections, nested and not, and two that want the region for themselves. */
    static final class SectionsExclude extends OnSections {
        @Override
        public void run() throws Throwable {
            for (int i = 0; i < 2; i++) {
                start("writer " + i, () -> {
                    section(() -> section(() -> {}));
                    section(() -> {});
                });
                start("committer " + i, () -> {
                    take(waits.of("commit()"));
                    take(waits.of("commit()"));
                });
            }
            joinAll();
        }
    }

    /** Two sections each wait for one of another thread, while somebody wants the region for himself again and again. */
    static final class SectionsThatWait extends OnSections {
        @Override
        public void run() throws Throwable {
            start("committer", () -> {
                for (int i = 0; i < 3; i++) {
                    take(waits.of("commit()"));
                }
            });
            for (int i = 0; i < 2; i++) {
                CountDownLatch done = new CountDownLatch(1);
                start("holder " + i, () -> section(done::await));
                start("worker " + i, () -> {
                    section(() -> {});
                    done.countDown();
                });
            }
            joinAll();
        }
    }

    /** A section that waits for one, which waits for one. */
    static final class ChainOfSections extends OnSections {
        @Override
        public void run() throws Throwable {
            CountDownLatch first = new CountDownLatch(1);
            CountDownLatch second = new CountDownLatch(1);
            start("committer", () -> take(waits.of("commit()")));
            start("outer", () -> section(first::await));
            start(
                    "middle",
                    () -> section(() -> {
                        second.await();
                        first.countDown();
                    }));
            start("inner", () -> {
                section(() -> {});
                section(second::countDown);
            });
            joinAll();
        }
    }

    /** An interrupt ends a claim that waits and nothing else. */
    static final class InterruptedClaim extends OnSections {
        @Override
        public void run() throws Throwable {
            Thread committer = start("committer", () -> {
                try {
                    take(waits.of("commit()"));
                } catch (RegionInterruptedException e) {
                    require(Thread.interrupted(), "the interrupt is lost");
                }
            });
            start("writer", () -> section(() -> section(() -> {})));
            start("interrupter", committer::interrupt);
            start("second committer", () -> take(waits.patient("close()")));
            joinAll();
            require(waits.status().isEmpty(), "somebody is said to wait: " + waits.status());
            take(waits.of("commit()"));
            section(() -> {});
        }
    }

    /** A thread ends in a section: nobody waits for it, and everybody who commits is told. */
    static final class DeadThread extends OnSections {
        @Override
        public void run() throws Throwable {
            Thread dying = start("dying", () -> sections.open(waits.of("section()"), () -> {}));
            start("writer", () -> section(() -> {}));
            start("committer", () -> {
                sections.take(waits.of("commit()"), "commit()");
                try {
                    sections.requireNoneAbandoned("commit");
                    require(inside.get() == 0, "a section is open");
                } catch (AbandonedSectionException e) {
                    dying.join();
                } finally {
                    sections.release();
                }
            });
            joinAll();
            sections.take(waits.of("commit()"), "commit()");
            require(sections.forgetAbandoned() == 1, "the section of the thread that has ended is forgotten");
            sections.release();
        }
    }
}
