// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.orderbook;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;

/**
 * The book as a command: {@code order-book trade FOLDER ORDERS} has two threads place so many orders each, {@code
 * order-book check FOLDER} looks whether everything holds. An order is printed when it is durable, not before.
 */
final class OrderBookApplication implements ToIntFunction<List<String>> {
    private static final String REGION = "order-book";
    private static final String SIZE = "1 MiB";

    private final RegionManager regions;
    private final PrintStream out = System.out;

    OrderBookApplication(RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        boolean trade = arguments.size() == 3 && arguments.get(0).equals("trade");
        if (!trade && !(arguments.size() == 2 && arguments.get(0).equals("check"))) {
            System.err.println("order-book " + arguments + ": expected 'trade FOLDER ORDERS' or 'check FOLDER'");
            return 2;
        }
        Path folder = Path.of(arguments.get(1));
        try (Region region = regions.open(REGION, RegionOptions.size(SIZE).withDirectory(folder))) {
            OrderBook book = new OrderBook(region.buffer(0, (int) region.size()));
            if (trade) {
                region.commit(); // the empty book, the first time
                trade(region, book, Integer.parseInt(arguments.get(2)));
            }
            return check(book);
        } catch (RegionException e) {
            System.err.println(e.getMessage());
            return 1;
        }
    }

    private void trade(Region region, OrderBook book, int orders) {
        ExecutorService traders = Executors.newFixedThreadPool(OrderBook.TRADERS);
        try {
            List<Future<Void>> work = IntStream.range(0, OrderBook.TRADERS)
                    .mapToObj(trader -> traders.submit((Callable<Void>) () -> {
                        for (int i = 0; i < orders; i++) {
                            place(region, book, trader);
                        }
                        return null;
                    }))
                    .toList();
            for (Future<Void> each : work) {
                each.get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a trader gave up: " + e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            traders.shutdownNow();
        }
    }

    /** All of an order or nothing of it, one at a time, durable when this returns. */
    private void place(Region region, OrderBook book, int trader) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        OrderBook.Side side = random.nextBoolean() ? OrderBook.Side.BUY : OrderBook.Side.SELL;
        int price = random.nextInt(OrderBook.PRICES);
        int quantity = random.nextInt(1, 100);
        long[] number = new long[1];
        try {
            long epoch = region.atomically(() -> number[0] = book.place(trader, side, price, quantity));
            out.println("placed number=" + number[0] + " epoch=" + epoch);
        } catch (OrderBook.BookFullException e) {
            out.println("refused " + e.getMessage()); // and undone: cash, goods and book are as before
        }
    }

    private int check(OrderBook book) {
        List<String> contradictions = book.contradictions();
        contradictions.forEach(sentence -> out.println("contradiction " + sentence));
        out.println("checked placed=" + book.placed() + " trades=" + book.trades() + " cash=" + book.cash(0)
                + " contradictions=" + contradictions.size());
        return contradictions.isEmpty() ? 0 : 1;
    }
}
