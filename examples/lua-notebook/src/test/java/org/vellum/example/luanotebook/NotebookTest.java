// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.example.luanotebook.Notebook.Heap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The notebook in ordinary memory, opened again as another process would. */
class NotebookTest {
    private static final int SIZE = 8 << 20;
    /** Where the header says which library the heap's pointers are for. */
    private static final int LIBRARY_BASE = 16;

    private static final int LIBRARY_CONTENT = 24;

    private final ByteBuffer memory = ByteBuffer.allocateDirect(SIZE).order(ByteOrder.nativeOrder());

    @BeforeEach
    void luaIsInstalled() {
        try {
            NativeLibrary.getInstance(LuaLibrary.NAME);
        } catch (UnsatisfiedLinkError e) {
            System.out.println("SKIPPED NotebookTest: no " + LuaLibrary.NAME + " (Debian package liblua5.4-0)");
            Assumptions.abort("no " + LuaLibrary.NAME);
        }
    }

    private Notebook open() throws Exception {
        Notebook notebook = new Notebook(memory, Pointer.nativeValue(Native.getDirectBufferPointer(memory)));
        notebook.open();
        return notebook;
    }

    @Test
    void aHeapIsResumedWhereTheLibraryIsAtTheSamePlace() throws Exception {
        Notebook first = open();
        assertEquals(Heap.NEW, first.origin());
        first.run("step = coroutine.wrap(function() for i = 1, math.huge do coroutine.yield(i * i) end end)");
        assertEquals("1", first.run("step()"));
        assertEquals("4", first.run("step()"));

        Notebook second = open();
        assertEquals(Heap.RESUMED, second.origin());
        assertEquals("9", second.run("step()"), "the coroutine goes on where it was");
    }

    @Test
    void aHeapWhoseLibraryWasElsewhereIsMadeAgainFromItsLinesAndNotRead() throws Exception {
        fill(open());
        memory.putLong(LIBRARY_BASE, memory.getLong(LIBRARY_BASE) - 4096);
        destroyHeap();

        Notebook second = open();
        assertEquals(Heap.REBUILT, second.origin());
        assertEquals("99", second.run("t[99]()"));
        assertEquals(Heap.RESUMED, open().origin());
    }

    @Test
    void aHeapOfAnotherBuildOfTheLibraryIsMadeAgainToo() throws Exception {
        fill(open());
        memory.putLong(LIBRARY_CONTENT, memory.getLong(LIBRARY_CONTENT) + 1);
        destroyHeap();

        Notebook second = open();
        assertEquals(Heap.REBUILT, second.origin());
        assertEquals("99", second.run("t[99]()"));
    }

    private static void fill(Notebook notebook) throws LuaException {
        notebook.run("t = {}");
        notebook.run("for i = 1, 99 do t[i] = function() return i end end");
    }

    /** What a pointer that is wrong reads is anything. */
    private void destroyHeap() {
        for (int at = SIZE / 4; at < SIZE; at += Long.BYTES) {
            memory.putLong(at, 0x4141414141414141L);
        }
    }

    @Test
    void aLineThatDoesNotDoItAgainIsNamed() throws Exception {
        Notebook first = open();
        first.run("n = 1");
        // as a line would be whose effect depends on something else than the lines before
        first.run("return n");
        memory.putLong(LIBRARY_BASE, 0);
        int at = 4096 + 16 + 4;
        assertEquals('n', memory.get(at));
        memory.put(at, (byte) '(');
        LuaException failure = assertThrows(LuaException.class, this::open);
        assertTrue(
                failure.getMessage().startsWith("line 1, '( = 1', does not do again what it did: "),
                failure.getMessage());
    }

    @Test
    void aHeapThatIsFullGivesAnErrorOfLuas() throws Exception {
        Notebook notebook = open();
        String message = assertThrows(LuaException.class, () -> notebook.run("s = ('x'):rep(1 << 26)"))
                .getMessage();
        assertTrue(message.contains("memory"), message);
        assertEquals("2", notebook.run("1 + 1"));
        assertThrows(LuaException.class, () -> notebook.run("a = {} while true do a[#a + 1] = {} end"));
    }

    @Test
    void errorsOfAllKindsComeAsText() throws Exception {
        Notebook notebook = open();
        assertTrue(assertThrows(LuaException.class, () -> notebook.run("x = = 1"))
                .getMessage()
                .contains("line:1"));
        assertEquals(
                "(an error that is no text)",
                assertThrows(LuaException.class, () -> notebook.run("error({})"))
                        .getMessage());
        assertEquals("]=]", notebook.run("']=]'"));
        assertEquals(1, notebook.lines());
    }

    @Test
    void thePlaceOfALibraryIsWhereTheKernelSaysAndItsContentThatOfItsFile() throws Exception {
        long function =
                Pointer.nativeValue(NativeLibrary.getInstance(LuaLibrary.NAME).getFunction("lua_newstate"));
        LibraryPlace place = LibraryPlace.of(function);
        assertEquals(place, LibraryPlace.of(function + 1));
        assertTrue(place.base() < function, place.toString());
        assertTrue(Files.readString(Path.of("/proc/self/maps")).contains(Long.toHexString(place.base()) + "-"));
    }
}
