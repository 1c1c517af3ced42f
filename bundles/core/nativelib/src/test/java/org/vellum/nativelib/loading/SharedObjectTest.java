// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.loading;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What is said of a library that cannot be loaded. */
class SharedObjectTest {
    @Test
    void aLibraryThatIsNotThereIsNamedWithWhereItWasLookedFor() {
        UnsatisfiedLinkError error = assertThrows(
                UnsatisfiedLinkError.class,
                () -> SharedObject.load("vellum_none", SharedObjectTest.class.getClassLoader(), Map.of()));
        assertTrue(
                error.getMessage().startsWith("the native library libvellum_none.so cannot be loaded: "),
                error.getMessage());
        assertTrue(error.getMessage().lines().count() == 1, error.getMessage());
        assertTrue(error.getMessage().contains(System.getProperty("java.io.tmpdir")), error.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "/t/jna1.tmp: failed to map segment from shared object, noexec",
        "/t/jna1.tmp: No space left on device, make room",
        "libx.so: cannot open shared object file: Too many open files, ulimit -n",
        "There is an incompatible JNA native library installed on this system, jna.boot.library.path",
        "libx.so: cannot allocate memory, ulimit -v",
        "something else, GNU C library",
    })
    void theWayOutFitsWhatTheLoaderSaid(String said, String named) {
        String wayOut = SharedObject.wayOut(said);
        assertTrue(wayOut.contains(named), wayOut);
    }
}
