// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.List;
import java.util.Optional;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Vmm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KvmProviderTest {
    private static final String NO_DEVICE = "/dev/kvm cannot be opened: Permission denied (add the user to group kvm)";
    private static final Logger LOGGER = Logger.getLogger(KvmProvider.class.getName());

    /** What happened, in order. */
    private final List<String> events = new ArrayList<>();

    private final List<String> logged = new ArrayList<>();
    private Dictionary<?, ?> properties;
    private Optional<String> obstacle = Optional.empty();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            logged.add(entry.getLevel() + " " + entry.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    private final BundleContext context = (BundleContext) Proxy.newProxyInstance(
            getClass().getClassLoader(), new Class<?>[] {BundleContext.class}, (proxy, method, arguments) -> {
                assertEquals("registerService", method.getName());
                assertEquals(Vmm.class, arguments[0]);
                properties = (Dictionary<?, ?>) arguments[2];
                events.add("registered");
                return Proxy.newProxyInstance(
                        getClass().getClassLoader(),
                        new Class<?>[] {ServiceRegistration.class},
                        (self, called, none) -> {
                            events.add(called.getName());
                            return null;
                        });
            });

    private final class FakeBackend implements KvmBackend {
        @Override
        public String name() {
            return "kvm";
        }

        @Override
        public long operations() {
            return 1;
        }

        @Override
        public Optional<String> obstacle() {
            return obstacle;
        }

        @Override
        public KvmMeasurements measurements() {
            return new KvmMeasurements(550, 45_000, 61_000, 0, 4_500, 1_300, 1, 1, 2, 2_440, 36, 1024);
        }

        @Override
        public KvmCounters counters() {
            return new KvmCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }

        @Override
        public void close() {
            events.add("released");
        }
    }

    @BeforeEach
    void listen() {
        LOGGER.addHandler(handler);
    }

    @AfterEach
    void stopListening() {
        LOGGER.removeHandler(handler);
    }

    private KvmProvider start() {
        return new KvmProvider(context, new FakeBackend());
    }

    @Test
    void whereItWorksItIsRegisteredBelowTheHostBackend() {
        start();
        assertEquals(List.of("registered"), events);
        assertEquals("kvm", properties.get(Vmm.PROPERTY));
        assertTrue((int) properties.get(Constants.SERVICE_RANKING) < 0, properties.toString());
        assertEquals(List.of(), logged);
    }

    @Test
    void theLibraryIsReleasedAfterTheServiceIsGone() {
        start().stop();
        assertEquals(List.of("registered", "unregister", "released"), events);
    }

    @Test
    void whereItDoesNotWorkItIsNotRegisteredAndOneLineSaysWhy() {
        obstacle = Optional.of(NO_DEVICE);
        KvmProvider provider = start();
        assertEquals(List.of("released"), events);
        assertEquals(List.of("INFO VMM backend 'kvm' is not offered: " + NO_DEVICE), logged);
        assertEquals(List.of(Finding.lacking("guest mode", NO_DEVICE)), provider.examine());
        provider.stop();
    }

    @Test
    void theDoctorIsToldWhatWasMeasuredAndCounted() {
        List<Finding> findings = start().examine();
        assertEquals(Diagnosis.Verdict.WORKS, findings.get(0).verdict());
        assertEquals("machine", findings.get(findings.size() - 1).subject());
    }
}
