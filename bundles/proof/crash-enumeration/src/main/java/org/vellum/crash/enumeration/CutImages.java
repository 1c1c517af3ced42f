// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.vellum.crash.enumeration.MediumState.Cell;
import org.vellum.crash.enumeration.MediumState.DataCell;
import org.vellum.crash.enumeration.MediumState.Tear;

/**
 * The crash images of one cut. What is enumerated, the finest that fits 2^units choices:
 *
 * <ol>
 *   <li>every combination of the versions of every atom: all legal states there are;
 *   <li>else every combination of the versions of every unit;
 *   <li>else, for up to so many units, every subset of them, each as it was or with all that is on its way;
 *   <li>else a sample of subsets, the prefixes in program order, and those in reverse.
 * </ol>
 *
 * <p>Where units have intermediate versions, or tear, and that is not all enumerated, some of that is added: drawn
 * combinations of versions, and images of which one line is torn at one word boundary. From all but the first the same
 * image may come twice.
 */
final class CutImages {
    /** One way to crash. */
    record Choice(int[] versions, Tear tear) {}

    /** Is given each choice; false: no more, please. */
    @FunctionalInterface
    interface Consumer {
        boolean accept(Choice choice);
    }

    final List<Cell> cells;

    private final Limits limits;
    private final Random random;
    /** With atoms for cells. */
    private final boolean byAtom;
    /**
     * The images that the last event made possible are those with one of its cells in the last version; all others were
     * there before it. -1: any image may be new.
     */
    private final int fresh;

    private boolean stopped;

    /** @param onlyFresh everything that was possible before the last event has been enumerated already */
    CutImages(MediumState state, Limits limits, boolean onlyFresh) {
        this.limits = limits;
        random = new Random(limits.seed() * 1_000_003 + state.events());
        List<Cell> atoms = state.cells(true);
        byAtom = combinations(atoms) <= bound();
        cells = byAtom ? atoms : state.cells(false);
        fresh = onlyFresh ? state.events() : -1;
    }

    private long bound() {
        return 1L << limits.units();
    }

    private static int versions(Cell cell) {
        return cell.events().length + 1;
    }

    /** How many there are, or some number above any bound. */
    private static long combinations(List<Cell> cells) {
        long product = 1;
        for (Cell cell : cells) {
            product *= versions(cell);
            if (product > 1L << 30) {
                return product;
            }
        }
        return product;
    }

    void forEach(Consumer consumer) {
        int[] all = cells.stream().mapToInt(cell -> versions(cell) - 1).toArray();
        if (byAtom || combinations(cells) <= bound()) {
            combine(all, consumer);
            tear(all, consumer);
            return;
        }
        if (cells.size() <= limits.units()) {
            subsets(all, consumer);
        } else {
            prefixes(consumer);
            reversePrefixes(all, consumer);
            sampleSubsets(all, consumer);
        }
        sampleVersions(all, consumer);
        tear(all, consumer);
    }

    private void offer(int[] versions, Tear tear, Consumer consumer) {
        if (!stopped && isNew(versions)) {
            stopped = !consumer.accept(new Choice(versions.clone(), tear));
        }
    }

    private boolean isNew(int[] versions) {
        if (fresh < 0) {
            return true;
        }
        for (int i = 0; i < versions.length; i++) {
            if (versions[i] > 0 && cells.get(i).events()[versions[i] - 1] == fresh) {
                return true;
            }
        }
        return false;
    }

    private void combine(int[] all, Consumer consumer) {
        int[] versions = new int[all.length];
        do {
            offer(versions, null, consumer);
        } while (!stopped && next(versions, all));
    }

    /** Counts up; false at the end. */
    private static boolean next(int[] versions, int[] all) {
        for (int i = 0; i < versions.length; i++) {
            if (versions[i] < all[i]) {
                versions[i]++;
                return true;
            }
            versions[i] = 0;
        }
        return false;
    }

    private void subsets(int[] all, Consumer consumer) {
        for (long subset = 0; subset < 1L << all.length && !stopped; subset++) {
            int[] versions = new int[all.length];
            for (int i = 0; i < versions.length; i++) {
                versions[i] = (subset >> i & 1) == 0 ? 0 : all[i];
            }
            offer(versions, null, consumer);
        }
    }

    /** All that happened up to an event, for each event. */
    private void prefixes(Consumer consumer) {
        TreeSet<Integer> events = new TreeSet<>();
        cells.forEach(cell -> Arrays.stream(cell.events()).forEach(events::add));
        offer(new int[cells.size()], null, consumer);
        for (int last : events) {
            offer(
                    cells.stream()
                            .mapToInt(cell -> (int) Arrays.stream(cell.events())
                                    .filter(event -> event <= last)
                                    .count())
                            .toArray(),
                    null,
                    consumer);
        }
        // within a write of many sectors as well
        fill(IntStream.range(0, cells.size()).boxed().toList(), consumer);
    }

    private void reversePrefixes(int[] all, Consumer consumer) {
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, all.length).boxed().toList());
        order.sort(Comparator.<Integer>comparingInt(i -> lastEvent(cells.get(i)))
                .thenComparing(i -> i)
                .reversed());
        fill(order, consumer);
    }

    /** One cell after the other, all of it; if they are more than the bound, evenly spaced. */
    private void fill(List<Integer> order, Consumer consumer) {
        int[] versions = new int[cells.size()];
        int step = (int) (1 + (order.size() - 1) / bound());
        for (int n = 0; n < order.size(); n++) {
            versions[order.get(n)] = cells.get(order.get(n)).events().length;
            if (n % step == 0 || n == order.size() - 1) {
                offer(versions, null, consumer);
            }
        }
    }

    private static int lastEvent(Cell cell) {
        return cell.events()[cell.events().length - 1];
    }

    private void sampleSubsets(int[] all, Consumer consumer) {
        for (int n = 0; n < limits.samples(); n++) {
            // few kept, half, most: each is where something may break
            double share = new double[] {0.1, 0.5, 0.9}[n % 3];
            offer(
                    Arrays.stream(all)
                            .map(most -> random.nextDouble() < share ? most : 0)
                            .toArray(),
                    null,
                    consumer);
        }
    }

    private void sampleVersions(int[] all, Consumer consumer) {
        if (cells.stream().noneMatch(cell -> versions(cell) > 2)) {
            return;
        }
        for (int n = 0; n < limits.samples(); n++) {
            offer(Arrays.stream(all).map(most -> random.nextInt(most + 1)).toArray(), null, consumer);
        }
    }

    /** One line torn, all others as they were or with all that is on its way. */
    private void tear(int[] all, Consumer consumer) {
        List<Tear> possible = new ArrayList<>();
        for (int i = 0; i < cells.size(); i++) {
            if (cells.get(i) instanceof DataCell data) {
                long[] atoms = data.atoms();
                for (int boundary = 1; boundary < atoms.length; boundary++) {
                    possible.add(new Tear(i, atoms[boundary], true));
                    possible.add(new Tear(i, atoms[boundary], false));
                }
            }
        }
        boolean draw = 2L * possible.size() > limits.tears();
        int count = draw ? limits.tears() : 2 * possible.size();
        for (int n = 0; n < count; n++) {
            Tear tear = possible.get(draw ? random.nextInt(possible.size()) : n / 2);
            int[] versions = n % 2 == 0 ? new int[all.length] : all.clone();
            versions[tear.cell()] = all[tear.cell()];
            offer(versions, tear, consumer);
        }
    }

    /** What reached the medium, in words. */
    String describe(Choice choice) {
        List<String> kept = new ArrayList<>();
        List<String> lost = new ArrayList<>();
        for (int i = 0; i < cells.size(); i++) {
            int most = cells.get(i).events().length;
            String name = cells.get(i).describe();
            if (choice.versions[i] == 0) {
                lost.add(name);
            } else {
                kept.add(choice.versions[i] == most ? name : name + " (" + choice.versions[i] + " of " + most + ")");
            }
        }
        String tear = choice.tear == null
                ? ""
                : "; torn: " + cells.get(choice.tear.cell()).describe() + ", only its words "
                        + (choice.tear.before() ? "before" : "from") + " offset "
                        + choice.tear.boundary() * 8 + (choice.tear.before() ? "" : " on");
        return "reached the medium: " + kept + "; lost: " + lost + tear;
    }
}
