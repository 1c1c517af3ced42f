// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.util.Map;
import java.util.Optional;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.nativelib.Recorder;
import org.vellum.nativelib.loading.SharedObject;

/** The persistence library by JNA. One at a time in a class loader. */
@Component
public final class JnaNativePersistence implements NativePersistence {
    private final NativeLibrary library;

    @Activate
    public JnaNativePersistence() {
        library = SharedObject.load("vellum_persistence", JnaNativePersistence.class.getClassLoader(), Map.of());
        Native.register(PersistenceLibrary.class, library);
    }

    @Deactivate
    public void close() {
        SharedObject.unmap(PersistenceLibrary.class);
        library.close();
    }

    @Override
    public Persistence forProcessor(boolean eadr) {
        return new JnaPersistence(PersistenceLibrary.vellum_persistence_for_processor(eadr ? 1 : 0));
    }

    @Override
    public Optional<String> obstacle(String name) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        int result = PersistenceLibrary.vellum_persistence_obstacle(name, reason, reason.length);
        return result == 0 ? Optional.empty() : Optional.of(NativeText.reason(reason, result));
    }

    @Override
    public Persistence named(String name) {
        obstacle(name).ifPresent(sentence -> {
            throw new IllegalArgumentException(sentence);
        });
        return new JnaPersistence(PersistenceLibrary.vellum_persistence_named(name));
    }

    @Override
    public Recorder record(Persistence recorded, long capacity) {
        return JnaRecorder.create(recorded, capacity);
    }

    @Override
    public Optional<String> pointName(int point) {
        return Optional.ofNullable(PersistenceLibrary.vellum_persist_point_name(point));
    }
}
