// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.ProviderLibrary;
import org.vellum.nativelib.internal.JnaNativeCore;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Structures in Java lie in memory as the libraries say of theirs; that those say the truth is checked where they are compiled. */
class LayoutTest {
    private static final int OFFSET = 0;
    private static final int SIZE = 1;
    private static final int FIELDS = 2;

    static Stream<StructLayout> ofTheCore() {
        return Stream.of(
                CutStruct.LAYOUT,
                InPlaceCommitStruct.LAYOUT,
                CountersStruct.LAYOUT,
                SwapStruct.LAYOUT,
                InPlaceStruct.LAYOUT,
                RelocationStruct.LAYOUT,
                BatchLayout.HEADER,
                BatchLayout.ENTRY);
    }

    @ParameterizedTest
    @MethodSource("ofTheCore")
    void theCoreHasIt(StructLayout layout) {
        assertSame("vellum_core", layout);
    }

    static Stream<StructLayout> ofPersistence() {
        return Stream.of(RecordedEventLayout.LAYOUT);
    }

    @ParameterizedTest
    @MethodSource("ofPersistence")
    void thePersistenceLibraryHasIt(StructLayout layout) {
        assertSame("vellum_persistence", layout);
    }

    private static void assertSame(String libraryName, StructLayout layout) {
        // not closed: JNA would close it for other tests of this process, too
        ProviderLibrary library = ProviderLibrary.open(libraryName, JnaNativeCore.class);
        long[] struct = ask(library, libraryName + "_layout", layout.name());
        assertEquals(layout.size(), struct[SIZE], layout.name());
        assertEquals(layout.fields().size(), struct[FIELDS], layout.name());
        for (StructLayout.Field field : layout.fields()) {
            String name = layout.name() + "." + field.name();
            long[] found = ask(library, libraryName + "_layout", name);
            assertEquals(field.offset(), found[OFFSET], name);
            assertEquals(field.size(), found[SIZE], name);
        }
    }

    /** {@code struct vellum_layout}. */
    private static long[] ask(ProviderLibrary library, String function, String name) {
        long[] answer = new long[3];
        int result = library.call(function, name, answer);
        assertEquals(0, result, () -> name + ": " + Errno.describe(result));
        return answer;
    }
}
