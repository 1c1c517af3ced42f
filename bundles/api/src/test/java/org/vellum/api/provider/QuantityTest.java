// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;

class QuantityTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1023, 1023 B",
        "1024, 1 KiB",
        "1536, 1.5 KiB",
        "1048575, 1 MiB",
        "67108864, 64 MiB",
        "4294967296, 4 GiB",
        "1649267441664, 1.5 TiB",
        "9223372036854775807, 8388608 TiB"
    })
    void bytesAreShownInTheLargestUnitThatFits(long bytes, String text) {
        assertEquals(text, Quantity.bytes(bytes));
    }

    @ParameterizedTest
    @CsvSource({"950, 950 ns", "12345, 12.3 µs", "4000000, 4.0 ms"})
    void timesAreShownInTheLargestUnitThatFits(long nanoseconds, String text) {
        assertEquals(text, Quantity.nanoseconds(nanoseconds));
    }
}
