// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.lang.reflect.RecordComponent;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.nativelib.ProviderLibrary;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** The records that are read from the native half, field after field, have its fields in its order and of its sizes. */
class NativeLayoutTest {
    @ParameterizedTest
    @CsvSource({"vellum_kvm_counters, KvmCounters", "vellum_kvm_measurements, KvmMeasurements"})
    void aRecordHasTheNativeStructuresFields(String struct, String recordName) throws ClassNotFoundException {
        RecordComponent[] components =
                Class.forName(KvmVmm.class.getPackageName() + "." + recordName).getRecordComponents();
        try (ProviderLibrary library = ProviderLibrary.open("vellum_vmm_kvm", KvmVmm.class)) {
            long offset = 0;
            for (RecordComponent component : components) {
                String field = struct + "."
                        + component.getName().replaceAll("([A-Z]|\\d)", "_$1").toLowerCase(Locale.ROOT);
                long[] found = ask(library, field);
                assertEquals(offset, found[0], field);
                assertEquals(component.getType() == long.class ? Long.BYTES : Integer.BYTES, found[1], field);
                offset += found[1];
            }
            long[] whole = ask(library, struct);
            assertEquals(offset, whole[1], struct);
            assertEquals(components.length, whole[2], struct);
        }
    }

    /** {@code struct vellum_layout}: offset, size, fields. */
    private static long[] ask(ProviderLibrary library, String name) {
        long[] answer = new long[3];
        assertEquals(0, library.call("vellum_vmm_kvm_layout", name, answer), name);
        return answer;
    }
}
