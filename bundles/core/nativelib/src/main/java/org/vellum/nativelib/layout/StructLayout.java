// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * How one structure of C lies in memory: its fields in order, without gaps, because C has none there either. Completed by
 * the static initializer of the class that has it, and not changed afterwards.
 */
public final class StructLayout {
    /** @param name C's */
    public record Field(String name, int offset, int size) {}

    private final String name;
    private final List<Field> fields = new ArrayList<>();
    private int size;

    /** @param name C's, without {@code struct} */
    StructLayout(String name) {
        this.name = name;
    }

    int int16(String field) {
        return field(field, Short.BYTES);
    }

    int int32(String field) {
        return field(field, Integer.BYTES);
    }

    /** A number of 64 bits, or a pointer. */
    int int64(String field) {
        return field(field, Long.BYTES);
    }

    /** A structure in the structure. */
    int struct(String field, StructLayout inner) {
        return field(field, inner.size);
    }

    /** @return the next field's offset */
    private int field(String field, int bytes) {
        int offset = size;
        fields.add(new Field(field, offset, bytes));
        size += bytes;
        return offset;
    }

    public String name() {
        return name;
    }

    /** In bytes. */
    public int size() {
        return size;
    }

    public List<Field> fields() {
        return Collections.unmodifiableList(fields);
    }
}
