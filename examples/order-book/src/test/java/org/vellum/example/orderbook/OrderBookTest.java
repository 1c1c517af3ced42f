// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.orderbook;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.vellum.example.orderbook.OrderBook.Side;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

class OrderBookTest {
    private final ByteBuffer memory = ByteBuffer.allocate(1 << 18);
    private final OrderBook book = new OrderBook(memory);

    @Test
    void anOrderMeetsTheBestPriceFirstAndTheOldestOfThose() {
        book.place(0, Side.SELL, 60, 5);
        book.place(0, Side.SELL, 50, 5);
        book.place(0, Side.SELL, 50, 5);
        assertEquals(4, book.place(1, Side.BUY, 60, 7));
        // five and two of the ten at 50; none at 60
        assertEquals(2, book.trades());
        assertEquals(-7 * 50, book.cash(1));
        assertEquals(7, book.goods(1));
        assertEquals(7 * 50, book.cash(0));
        assertEquals(List.of(), book.contradictions());
    }

    @Test
    void whatFindsNobodyWaits() {
        book.place(0, Side.BUY, 40, 5);
        book.place(1, Side.SELL, 41, 5);
        assertEquals(0, book.trades());
        book.place(1, Side.SELL, 40, 8);
        assertEquals(1, book.trades());
        book.place(0, Side.BUY, 40, 3);
        assertEquals(2, book.trades(), "the rest of the seller's waited");
        assertEquals(List.of(), book.contradictions());
    }

    @Test
    void manyOrdersNeverContradictEachOther() {
        Random random = new Random(4);
        for (int i = 0; i < 5_000; i++) {
            book.place(
                    random.nextInt(2),
                    random.nextBoolean() ? Side.BUY : Side.SELL,
                    random.nextInt(OrderBook.PRICES),
                    1 + random.nextInt(50));
        }
        assertEquals(List.of(), new OrderBook(memory).contradictions());
        assertEquals(5_000, new OrderBook(memory).placed());
    }

    @Test
    void aFullBookRefuses() {
        assertThrows(OrderBook.BookFullException.class, () -> {
            while (true) {
                book.place(0, Side.BUY, 1, 1);
            }
        });
    }

    @Test
    void halfOfAnOrderIsSeen() {
        book.place(0, Side.SELL, 60, 5);
        byte[] before = memory.array().clone();
        book.place(1, Side.BUY, 60, 5);
        // the accounts as after the trade, the lists as before it
        System.arraycopy(before, 200, memory.array(), 200, before.length - 200);
        System.arraycopy(before, 64, memory.array(), 64, 16);
        assertFalse(book.contradictions().isEmpty());
    }

    @Test
    void otherMemoryIsRefused() {
        memory.putLong(0, 1);
        assertThrows(IllegalArgumentException.class, () -> new OrderBook(memory));
    }
}
