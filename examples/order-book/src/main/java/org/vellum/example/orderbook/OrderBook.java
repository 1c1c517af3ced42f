// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.orderbook;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * An order book for one commodity: who wants to buy or sell how much at which price. An order is matched with the best
 * of the other side first, and what is left of it waits, behind those that came before at its price.
 *
 * <pre>
 *    0 magic (8)       8 orders placed so far (8)   16 trades so far (8)   24 first free order (4), 0 = none
 *   64 trader 0: cash (8), goods (8);  trader 1; …
 *      price 0: first buyer (4), last buyer (4), first seller (4), last seller (4);  price 1; …
 *      order 1: number (8), trader (4), price (4), quantity (4), next (4);  order 2; …
 * </pre>
 *
 * Orders are linked by their indices, in a list for each price and side, or in the list of free ones. Nothing here knows of
 * persistence. A method that throws may have stored half of what it was to: whoever calls it undoes that. Not
 * thread-safe.
 */
final class OrderBook {
    static final int TRADERS = 2;
    static final int PRICES = 100;

    /** A side of the book; the offset of its list in a price's four numbers. */
    enum Side {
        BUY(0),
        SELL(8);

        private final int offset;

        Side(int offset) {
            this.offset = offset;
        }

        private Side other() {
            return this == BUY ? SELL : BUY;
        }
    }

    private static final long MAGIC = 0x4b4f4f4252445230L;
    private static final int PLACED = 8;
    private static final int TRADES = 16;
    private static final int FREE = 24;
    private static final int ACCOUNTS = 64;
    private static final int LEVELS = ACCOUNTS + 16 * TRADERS;
    private static final int LEVEL_SIZE = 16;
    private static final int ORDERS = LEVELS + LEVEL_SIZE * PRICES;
    private static final int ORDER_SIZE = 24;

    private static final int LAST = 4;
    private static final int TRADER = 8;
    private static final int PRICE = 12;
    private static final int QUANTITY = 16;
    private static final int NEXT = 20;

    private final ByteBuffer memory;
    private final int capacity;

    /**
     * Opens the book in {@code memory}, or makes an empty one if the memory is all zeros.
     *
     * @throws IllegalArgumentException it holds something else
     */
    OrderBook(ByteBuffer memory) {
        this.memory = memory;
        capacity = (memory.capacity() - ORDERS) / ORDER_SIZE;
        if (memory.getLong(0) == 0) {
            memory.putLong(0, MAGIC);
            for (int order = capacity; order > 0; order--) {
                free(order);
            }
        } else if (memory.getLong(0) != MAGIC) {
            throw new IllegalArgumentException("the memory holds no order book");
        }
    }

    /**
     * Places an order.
     *
     * @param price 0 to {@link #PRICES} - 1
     * @return its number, 1 for the first
     * @throws BookFullException what is left of it finds no room
     */
    long place(int trader, Side side, int price, int quantity) {
        long number = memory.getLong(PLACED) + 1;
        memory.putLong(PLACED, number);
        int left = quantity;
        for (int level = best(side.other()); left > 0 && isAcceptable(side, price, level); level = best(side.other())) {
            left -= trade(trader, side, level, left);
        }
        if (left > 0) {
            queue(number, trader, side, price, left);
        }
        return number;
    }

    private static boolean isAcceptable(Side side, int price, int level) {
        return level >= 0 && (side == Side.BUY ? level <= price : level >= price);
    }

    /** The lowest price of the sellers, the highest of the buyers; -1 when there are none. */
    private int best(Side side) {
        for (int i = 0; i < PRICES; i++) {
            int price = side == Side.SELL ? i : PRICES - 1 - i;
            if (memory.getInt(list(side, price)) != 0) {
                return price;
            }
        }
        return -1;
    }

    /** Trades with the first who waits at a price; returns how much. */
    private int trade(int trader, Side side, int price, int wanted) {
        int list = list(side.other(), price);
        int waiting = memory.getInt(list);
        int offered = memory.getInt(at(waiting) + QUANTITY);
        int quantity = Math.min(wanted, offered);
        int other = memory.getInt(at(waiting) + TRADER);
        int buyer = side == Side.BUY ? trader : other;
        int seller = side == Side.BUY ? other : trader;
        change(buyer, -(long) quantity * price, quantity);
        change(seller, (long) quantity * price, -quantity);
        memory.putInt(at(waiting) + QUANTITY, offered - quantity);
        if (quantity == offered) {
            int next = memory.getInt(at(waiting) + NEXT);
            memory.putInt(list, next);
            if (next == 0) {
                memory.putInt(list + LAST, 0);
            }
            free(waiting);
        }
        memory.putLong(TRADES, memory.getLong(TRADES) + 1);
        return quantity;
    }

    private void change(int trader, long cash, long goods) {
        int account = ACCOUNTS + 16 * trader;
        memory.putLong(account, memory.getLong(account) + cash);
        memory.putLong(account + 8, memory.getLong(account + 8) + goods);
    }

    private void queue(long number, int trader, Side side, int price, int quantity) {
        int order = memory.getInt(FREE);
        if (order == 0) {
            throw new BookFullException("the order book is full: " + capacity + " orders wait");
        }
        memory.putInt(FREE, memory.getInt(at(order) + NEXT));
        memory.putLong(at(order), number);
        memory.putInt(at(order) + TRADER, trader);
        memory.putInt(at(order) + PRICE, price);
        memory.putInt(at(order) + QUANTITY, quantity);
        memory.putInt(at(order) + NEXT, 0);
        int list = list(side, price);
        int last = memory.getInt(list + LAST);
        memory.putInt(last == 0 ? list : at(last) + NEXT, order);
        memory.putInt(list + LAST, order);
    }

    private void free(int order) {
        memory.putInt(at(order) + NEXT, memory.getInt(FREE));
        memory.putInt(FREE, order);
    }

    private static int list(Side side, int price) {
        return LEVELS + LEVEL_SIZE * price + side.offset;
    }

    private static int at(int order) {
        return ORDERS + ORDER_SIZE * (order - 1);
    }

    long placed() {
        return memory.getLong(PLACED);
    }

    long trades() {
        return memory.getLong(TRADES);
    }

    long cash(int trader) {
        return memory.getLong(ACCOUNTS + 16 * trader);
    }

    long goods(int trader) {
        return memory.getLong(ACCOUNTS + 16 * trader + 8);
    }

    /** What does not hold, a sentence each; empty for a book that never saw half of an order. */
    List<String> contradictions() {
        List<String> found = new ArrayList<>();
        long cash = 0;
        long goods = 0;
        for (int trader = 0; trader < TRADERS; trader++) {
            cash += cash(trader);
            goods += goods(trader);
        }
        if (cash != 0 || goods != 0) {
            found.add("trading has made " + cash + " of cash and " + goods + " of goods out of nothing");
        }
        if (best(Side.SELL) >= 0 && best(Side.BUY) >= best(Side.SELL)) {
            found.add("a buyer waits at " + best(Side.BUY) + " and a seller at " + best(Side.SELL));
        }
        int listed = count(memory.getInt(FREE));
        for (int price = 0; price < PRICES; price++) {
            for (Side side : Side.values()) {
                int list = list(side, price);
                listed += count(memory.getInt(list));
                checkList(side, price, list, found);
            }
        }
        if (listed != capacity) {
            found.add(listed + " orders are in lists, of " + capacity);
        }
        return found;
    }

    private void checkList(Side side, int price, int list, List<String> found) {
        long before = 0;
        int last = 0;
        int seen = 0;
        for (int order = memory.getInt(list); order != 0 && seen <= capacity; order = memory.getInt(at(order) + NEXT)) {
            long number = memory.getLong(at(order));
            if (number <= before || number > placed()) {
                found.add(side + " at " + price + ": order " + number + " behind order " + before + " of " + placed());
            }
            if (memory.getInt(at(order) + PRICE) != price || memory.getInt(at(order) + QUANTITY) <= 0) {
                found.add(side + " at " + price + ": order " + number + " does not belong there");
            }
            before = number;
            last = order;
            seen++;
        }
        if (memory.getInt(list + LAST) != last) {
            found.add(side + " at " + price + ": the list does not end where it says");
        }
    }

    /** Bounded, since a list that was torn may lead into itself. */
    private int count(int first) {
        int count = 0;
        for (int order = first; order != 0 && count <= capacity; order = memory.getInt(at(order) + NEXT)) {
            count++;
        }
        return count;
    }

    /** No room for an order that would have to wait. */
    static final class BookFullException extends RuntimeException {
        private static final long serialVersionUID = 1;

        BookFullException(String message) {
            super(message);
        }
    }
}
