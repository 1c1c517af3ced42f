// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link SqliteIT}: keeps a database in a region, checks what it finds there, and then inserts batches of
 * rows until it is killed. A batch is one SQL transaction, committed by SQLite and then by the region.
 */
final class SqliteWorkload {
    static final String FOUND = "found batches: ";
    static final String ACKNOWLEDGED = "acknowledged: ";
    /** How many batches are acknowledged: a file, since what was printed last may be lost with its process. */
    static final String ACKNOWLEDGED_FILE = "acknowledged";

    private static final long SIZE = 16 << 20;
    /** The first page: how long the database is, which SQLite keeps in memory of its own. */
    private static final int DATABASE_SIZE = 0;

    private static final int DATABASE = 4096;

    private final Path folder;
    private final Region region;
    private final ByteBuffer header;

    private SqliteWorkload(Path folder, Region region) {
        this.folder = folder;
        this.region = region;
        this.header = region.buffer(0, DATABASE);
    }

    /** An empty database with its tables, copied into the region. */
    private void create() {
        try (Sqlite empty = new Sqlite()) {
            empty.execute("CREATE TABLE batch (number INTEGER PRIMARY KEY, size INTEGER)");
            empty.execute("CREATE TABLE entry (batch INTEGER, position INTEGER, name TEXT, amount INTEGER,"
                    + " PRIMARY KEY (batch, position))");
            empty.execute("CREATE INDEX entry_by_name ON entry (name)");
            byte[] content = empty.serialized();
            region.buffer(DATABASE, content.length).put(0, content);
            header.putLong(DATABASE_SIZE, content.length);
        }
        region.commit();
    }

    private static int entries(int batch) {
        return 1 + batch * 7 % 23;
    }

    private static String name(int batch, int position) {
        return "entry " + (batch * 31 + position) % 97 + " " + "x".repeat(batch * 13 % 300);
    }

    private static void insert(Sqlite database, int batch) {
        database.execute("BEGIN");
        database.execute("INSERT INTO batch VALUES (" + batch + ", " + entries(batch) + ")");
        for (int position = 0; position < entries(batch); position++) {
            String values = batch + ", " + position + ", '" + name(batch, position) + "', " + batch;
            database.execute("INSERT INTO entry VALUES (" + values + ")");
        }
        // older rows move too: the trees are changed everywhere
        database.execute("UPDATE entry SET name = name || '!' WHERE batch = " + batch / 2 + " AND position = 0");
        database.execute("UPDATE entry SET amount = amount + 1 WHERE name LIKE 'entry " + batch % 97 + " %'");
        database.execute("COMMIT");
    }

    /** How many batches there are, each of them whole. */
    private static int check(Sqlite database) {
        List<String> integrity = database.query("PRAGMA integrity_check");
        if (!integrity.equals(List.of("ok"))) {
            throw new AssertionError("integrity_check: " + integrity);
        }
        int batches = Integer.parseInt(database.one("SELECT count(*) FROM batch"));
        String last = database.one("SELECT coalesce(max(number), -1) FROM batch");
        if (Integer.parseInt(last) != batches - 1) {
            throw new AssertionError(batches + " batches, of which the last is " + last);
        }
        int expectedEntries = 0;
        for (int batch = 0; batch < batches; batch++) {
            expectedEntries += entries(batch);
            checkBatch(database, batch);
        }
        String entries = database.one("SELECT count(*) FROM entry");
        if (Integer.parseInt(entries) != expectedEntries) {
            throw new AssertionError(entries + " entries instead of " + expectedEntries);
        }
        return batches;
    }

    private static void checkBatch(Sqlite database, int batch) {
        List<String> names =
                database.query("SELECT rtrim(name, '!') FROM entry WHERE batch = " + batch + " ORDER BY position");
        for (int position = 0; position < entries(batch); position++) {
            if (names.size() != entries(batch) || !names.get(position).equals(name(batch, position))) {
                throw new AssertionError("batch " + batch + " holds " + names);
            }
        }
    }

    private void run(int batches) throws IOException {
        if (header.getLong(DATABASE_SIZE) == 0) {
            create();
        }
        try (Sqlite database =
                Sqlite.in(region.address() + DATABASE, header.getLong(DATABASE_SIZE), region.size() - DATABASE)) {
            int found = check(database);
            System.out.println(FOUND + found);
            insertAndAcknowledge(database, found, batches);
        }
    }

    private void insertAndAcknowledge(Sqlite database, int found, int batches) throws IOException {
        try (FileChannel acknowledged = FileChannel.open(
                folder.resolve(ACKNOWLEDGED_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (int batch = found; batch < found + batches; batch++) {
                insert(database, batch);
                header.putLong(DATABASE_SIZE, database.size());
                region.commit();
                acknowledged.write(ByteBuffer.allocate(Integer.BYTES).putInt(0, batch + 1), 0);
                System.out.println(ACKNOWLEDGED + batch);
            }
        }
    }

    private static void checkGuestModeWasUsed() {
        try (Kvm.CounterReader reader = Kvm.CounterReader.open()) {
            Kvm.Counters counters = reader.read();
            if (counters.entries() == 0 || counters.storeFaults() + counters.storeFaultsInGuest() == 0) {
                throw new AssertionError("guest mode was not used: " + counters);
            }
        }
    }

    /** Arguments: the folder for the region, the VMM, the strategy, how many batches to insert at most. */
    public static void main(String[] arguments) throws Exception {
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(Path.of(arguments[0]))
                    .withVmm(arguments[1])
                    .withStrategy(arguments[2]);
            try (Region region = stack.regions().open("database", options)) {
                new SqliteWorkload(options.directory().orElseThrow(), region).run(Integer.parseInt(arguments[3]));
                if (arguments[1].equals(Kvm.NAME)) {
                    checkGuestModeWasUsed();
                }
            }
        }
    }
}
