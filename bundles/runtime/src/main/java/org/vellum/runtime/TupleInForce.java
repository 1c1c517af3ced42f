package org.vellum.runtime;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vellum.api.RegionStatus;

/**
 * The providers of one open region, and how they came into force, for its status. Changed by whoever holds the region's
 * control lock, read by anyone.
 */
final class TupleInForce {
    /** @param untracked why no provider tracks stores; null where they do */
    private record Composed(Tuple tuple, RegionStatus.Providers names, String untracked) {}

    private volatile Composed composed;
    private volatile RegionStatus.Swap last;
    /** Why the last swap that was asked for did not happen; null once one has. */
    private volatile String refusal;

    TupleInForce(Tuple first) {
        composed = new Composed(first, first.names(), null);
    }

    Tuple tuple() {
        return composed.tuple();
    }

    RegionStatus.Providers names() {
        return composed.names();
    }

    /** Why no provider tracks stores; null where they do. */
    String untracked() {
        return composed.untracked();
    }

    Optional<RegionStatus.Swap> last() {
        return Optional.ofNullable(last);
    }

    /** @param untracked why the tuple tracks nothing, or null */
    RegionStatus.Swap change(Tuple next, long gateNanoseconds, String reason, String untracked) {
        RegionStatus.Providers before = composed.names();
        composed = new Composed(next, next.names(), untracked);
        last = new RegionStatus.Swap(Instant.now(), before, next.names(), gateNanoseconds, reason);
        refusal = null;
        return last;
    }

    void refuse(String sentence) {
        refusal = sentence;
    }

    /** What an operator should know of it. */
    List<String> remarks() {
        Composed now = composed;
        List<String> sentences = new ArrayList<>(now.tuple().remarks());
        if (now.untracked() != null) {
            sentences.add("degraded, stores are not tracked: " + now.untracked()
                    + "; a commit compares every block that was stored to");
        }
        String refused = refusal;
        if (refused != null) {
            sentences.add(refused);
        }
        return sentences;
    }
}
