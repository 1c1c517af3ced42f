// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A Lua interpreter in a piece of memory: everything that Lua allocates is there, so that whoever keeps the memory, at the
 * same address, keeps the interpreter, with its closures and half-run coroutines. Knows nothing of regions.
 *
 * <p>Lua's heap has pointers of three kinds, and each needs its own care when another process goes on with it:
 *
 * <ol>
 *   <li>into the heap itself: right as long as the memory is at the same address, which a region is;
 *   <li>to a function of ours, the allocator: told to Lua anew ({@code lua_setallocf});
 *   <li>to functions and static variables of Lua's library, which are all over the heap, and which nothing can set anew: right
 *       only if the library is at the same place. So the place is kept beside the heap. If it is another one, the heap is thrown
 *       away, unread, and made again from the lines that made it, which are kept as plain data.
 * </ol>
 *
 * <p>Modules whose values point to other libraries are left out: {@code io} keeps C's {@code FILE *}, {@code package} what
 * it has loaded. Making the heap again comes to the same only for lines whose effect depends on nothing but the lines before:
 * {@code math.random} begins with a fixed seed, and there is no {@code os}.
 *
 * <p>Not safe for use by several threads.
 */
final class Notebook {
    /** How the heap came to be when the notebook was opened. */
    enum Heap {
        /** There was none. */
        NEW,
        /** As the process before had left it. */
        RESUMED,
        /** Made again: Lua's library is at another place, or is another one. */
        REBUILT
    }

    // the header
    private static final int MAGIC_AT = 0;
    private static final int STATE = 8;
    private static final int LIBRARY_BASE = 16;
    private static final int LIBRARY_CONTENT = 24;
    private static final int HEADER_SIZE = 4096;

    private static final long MAGIC = 0x31_45_54_4F_4E_41_55_4CL; // "LUANOTE1"

    /** Evaluates an expression or runs a chunk; what it returns comes as one string. */
    private static final String PRELUDE = """
            math.randomseed(0)
            function __run(line)
              local f, e = load("return " .. line, "=line")
              if not f then f, e = load(line, "=line") end
              if not f then error(e, 0) end
              local r = table.pack(f())
              for i = 1, r.n do r[i] = tostring(r[i]) end
              return table.concat(r, "\\t")
            end
            return ""
            """;

    private static final List<String> MODULES = List.of(
            "_G:luaopen_base",
            "table:luaopen_table",
            "string:luaopen_string",
            "math:luaopen_math",
            "coroutine:luaopen_coroutine",
            "utf8:luaopen_utf8");

    private final LuaLibrary lua;
    private final NativeLibrary library;
    private final ByteBuffer header;
    private final Journal journal;
    /** Kept here for as long as Lua may call it. */
    private final LuaHeap heap;

    private Heap origin;

    /**
     * Loads Lua's library; {@link #open} comes next.
     *
     * @param memory all zeros, or a notebook; at the same address every time
     * @param address of its first byte
     * @throws UnsatisfiedLinkError there is no such library
     */
    Notebook(ByteBuffer memory, long address) {
        lua = Native.load(LuaLibrary.NAME, LuaLibrary.class);
        library = NativeLibrary.getInstance(LuaLibrary.NAME, Notebook.class.getClassLoader());
        int heapStart = memory.capacity() / 4 & -HEADER_SIZE;
        header = slice(memory, 0, HEADER_SIZE);
        journal = new Journal(slice(memory, HEADER_SIZE, heapStart - HEADER_SIZE));
        heap = new LuaHeap(slice(memory, heapStart, memory.capacity() - heapStart), address + heapStart);
    }

    private static ByteBuffer slice(ByteBuffer memory, int offset, int length) {
        return memory.slice(offset, length).order(ByteOrder.nativeOrder());
    }

    /**
     * Makes the interpreter ready. Nothing of its heap is looked at before it is known that its pointers are right.
     *
     * @throws LuaException the heap must be made again, and a line fails that did not; undo the stores
     */
    void open() throws LuaException, IOException {
        if (header.getLong(MAGIC_AT) != MAGIC && header.getLong(MAGIC_AT) != 0) {
            throw new LuaException("the memory holds something else than a notebook");
        }
        LibraryPlace here = LibraryPlace.of(Pointer.nativeValue(library.getFunction("lua_newstate")));
        if (header.getLong(STATE) != 0 && recorded().equals(here)) {
            lua.lua_setallocf(state(), heap, null);
            origin = Heap.RESUMED;
            return;
        }
        origin = header.getLong(STATE) == 0 ? Heap.NEW : Heap.REBUILT;
        build();
        header.putLong(LIBRARY_BASE, here.base());
        header.putLong(LIBRARY_CONTENT, here.content());
        header.putLong(MAGIC_AT, MAGIC);
    }

    private LibraryPlace recorded() {
        return new LibraryPlace(header.getLong(LIBRARY_BASE), header.getLong(LIBRARY_CONTENT));
    }

    private void build() throws LuaException {
        heap.clear();
        long state = lua.lua_newstate(heap, null);
        if (state == 0) {
            throw new LuaException("no room for an interpreter");
        }
        header.putLong(STATE, state);
        for (String module : MODULES) {
            String[] names = module.split(":");
            lua.luaL_requiref(state, names[0], library.getFunction(names[1]), 1);
            lua.lua_settop(state, 0);
        }
        call(PRELUDE);
        long number = 0;
        for (String line : journal.lines()) {
            number++;
            try {
                evaluate(line);
            } catch (LuaException e) {
                throw new LuaException(
                        "line " + number + ", '" + line + "', does not do again what it did: " + e.getMessage());
            }
        }
    }

    private long state() {
        return header.getLong(STATE);
    }

    Heap origin() {
        return origin;
    }

    /** The place of Lua's library that the heap's pointers are for. */
    long libraryBase() {
        return header.getLong(LIBRARY_BASE);
    }

    long lines() {
        return journal.count();
    }

    /**
     * Runs a line and keeps it.
     *
     * @return what it evaluates to; empty for statements
     * @throws LuaException it fails, or there is no room; Lua may have stored before: undo the stores
     */
    String run(String line) throws LuaException {
        String value = evaluate(line);
        journal.add(line);
        return value;
    }

    /** As a string in long brackets, of a level that the line does not end: loading a chunk is protected, pushing is not. */
    private String evaluate(String line) throws LuaException {
        String level = "=";
        while (line.contains("]" + level + "]")) {
            level += "=";
        }
        return call("return __run([" + level + "[\n" + line + "]" + level + "])");
    }

    private String call(String chunk) throws LuaException {
        byte[] text = chunk.getBytes(StandardCharsets.UTF_8);
        boolean held = lua.luaL_loadbufferx(state(), text, text.length, "=notebook", "t") == LuaLibrary.OK
                && lua.lua_pcallk(state(), 0, 1, 0, 0, null) == LuaLibrary.OK;
        // copied before anybody undoes the stores that made it
        String result = text();
        lua.lua_settop(state(), 0);
        if (!held) {
            throw new LuaException(result);
        }
        return result;
    }

    private String text() {
        if (lua.lua_type(state(), -1) != LuaLibrary.TYPE_STRING) {
            return "(an error that is no text)";
        }
        LongByReference length = new LongByReference();
        byte[] bytes = lua.lua_tolstring(state(), -1, length).getByteArray(0, (int) length.getValue());
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
