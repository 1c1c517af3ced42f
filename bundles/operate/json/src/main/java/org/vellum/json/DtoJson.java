// SPDX-License-Identifier: Apache-2.0
package org.vellum.json;

import jakarta.json.spi.JsonProvider;
import jakarta.json.stream.JsonGenerator;
import jakarta.json.stream.JsonGeneratorFactory;
import java.io.StringWriter;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import org.osgi.dto.DTO;

/**
 * Data transfer objects as JSON on one line. {@link DTO#toString} is for people: OSGi leaves its format open, and the
 * implementation that OSGi publishes shortens texts of more than 100 characters.
 */
public final class DtoJson {
    private static final JsonGeneratorFactory GENERATORS = generators();

    private DtoJson() {}

    /** The thread's context class loader is the caller's, and JSON-P would take any provider that it finds there. */
    private static JsonGeneratorFactory generators() {
        Thread thread = Thread.currentThread();
        ClassLoader callers = thread.getContextClassLoader();
        thread.setContextClassLoader(DtoJson.class.getClassLoader());
        try {
            return JsonProvider.provider().createGeneratorFactory(Map.of());
        } finally {
            thread.setContextClassLoader(callers);
        }
    }

    /**
     * The value, whole: no text is shortened.
     *
     * @param value a {@link DTO}, whose public fields are the members; a map; an array or another sequence; a text, a
     *     number, a boolean; null
     * @throws IllegalArgumentException it is, or it has, a value that is none of these
     */
    public static String text(Object value) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = GENERATORS.createGenerator(text)) {
            write(json, value);
        }
        return text.toString();
    }

    private static void write(JsonGenerator json, Object value) {
        if (value == null) {
            json.writeNull();
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
            json.write(value.toString());
        } else if (value instanceof Boolean truth) {
            json.write(truth);
        } else if (value instanceof Double || value instanceof Float) {
            json.write(((Number) value).doubleValue());
        } else if (value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte) {
            json.write(((Number) value).longValue());
        } else if (value instanceof DTO dto) {
            writeFields(json, dto);
        } else if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            map.forEach((key, element) -> {
                json.writeKey(String.valueOf(key));
                write(json, element);
            });
            json.writeEnd();
        } else if (value instanceof Iterable<?> elements) {
            json.writeStartArray();
            elements.forEach(element -> write(json, element));
            json.writeEnd();
        } else if (value.getClass().isArray()) {
            json.writeStartArray();
            for (int i = 0; i < Array.getLength(value); i++) {
                write(json, Array.get(value, i));
            }
            json.writeEnd();
        } else {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " has no form in JSON");
        }
    }

    private static void writeFields(JsonGenerator json, DTO dto) {
        json.writeStartObject();
        for (Field field : dto.getClass().getFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                json.writeKey(field.getName());
                write(json, value(dto, field));
            }
        }
        json.writeEnd();
    }

    private static Object value(DTO dto, Field field) {
        try {
            return field.get(dto);
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException(dto.getClass().getName() + " is not public, as a DTO has to be", e);
        }
    }
}
