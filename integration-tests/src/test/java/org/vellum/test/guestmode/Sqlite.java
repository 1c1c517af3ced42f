// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.ArrayList;
import java.util.List;

/** A database of the system's SQLite, which knows nothing of Vellum, in memory that the caller gives it. */
final class Sqlite implements AutoCloseable {
    /** The Debian package libsqlite3-0 has it. */
    static final String LIBRARY = "libsqlite3.so.0";

    private static final int OK = 0;
    private static final int ROW = 100;
    private static final int DONE = 101;

    private final C library = Native.load(LIBRARY, C.class);
    private final Pointer database;

    /** A new database, in memory of SQLite's own. */
    Sqlite() {
        PointerByReference opened = new PointerByReference();
        int result = library.sqlite3_open(":memory:", opened);
        database = opened.getValue();
        check(result, "open");
    }

    /**
     * A database in {@code [address, address + capacity)}, which stays the caller's. It is changed there, in place.
     *
     * @param size how much of it the database takes now, in bytes
     */
    static Sqlite in(long address, long size, long capacity) {
        Sqlite sqlite = new Sqlite();
        // no flag: SQLite neither frees the memory nor makes it larger
        sqlite.check(
                sqlite.library.sqlite3_deserialize(sqlite.database, "main", new Pointer(address), size, capacity, 0),
                "deserialize");
        return sqlite;
    }

    /** The database as SQLite would write it to a file. */
    byte[] serialized() {
        LongByReference size = new LongByReference();
        Pointer copy = library.sqlite3_serialize(database, "main", size, 0);
        try {
            return copy.getByteArray(0, (int) size.getValue());
        } finally {
            library.sqlite3_free(copy);
        }
    }

    /** Bytes the database takes. */
    long size() {
        return Long.parseLong(one("PRAGMA page_count")) * Long.parseLong(one("PRAGMA page_size"));
    }

    void execute(String statement) {
        check(library.sqlite3_exec(database, statement, null, null, null), statement);
    }

    /** The first column of each row. */
    List<String> query(String statement) {
        PointerByReference prepared = new PointerByReference();
        check(library.sqlite3_prepare_v2(database, statement, -1, prepared, null), statement);
        List<String> rows = new ArrayList<>();
        int result;
        while ((result = library.sqlite3_step(prepared.getValue())) == ROW) {
            rows.add(library.sqlite3_column_text(prepared.getValue(), 0));
        }
        library.sqlite3_finalize(prepared.getValue());
        if (result != DONE) {
            check(result, statement);
        }
        return rows;
    }

    /** The one value there is. */
    String one(String statement) {
        List<String> rows = query(statement);
        if (rows.size() != 1) {
            throw new AssertionError(statement + ": " + rows);
        }
        return rows.get(0);
    }

    private void check(int result, String what) {
        if (result != OK) {
            throw new AssertionError(what + ": " + library.sqlite3_errmsg(database));
        }
    }

    @Override
    public void close() {
        check(library.sqlite3_close(database), "close");
    }

    private interface C extends Library {
        int sqlite3_open(String name, PointerByReference database);

        int sqlite3_close(Pointer database);

        int sqlite3_deserialize(Pointer database, String schema, Pointer data, long size, long capacity, int flags);

        Pointer sqlite3_serialize(Pointer database, String schema, LongByReference size, int flags);

        int sqlite3_exec(Pointer database, String statement, Pointer callback, Pointer argument, Pointer message);

        int sqlite3_prepare_v2(
                Pointer database, String statement, int length, PointerByReference prepared, Pointer rest);

        int sqlite3_step(Pointer prepared);

        String sqlite3_column_text(Pointer prepared, int column);

        int sqlite3_finalize(Pointer prepared);

        String sqlite3_errmsg(Pointer database);

        void sqlite3_free(Pointer memory);
    }
}
