// SPDX-License-Identifier: Apache-2.0
package org.vellum.doctor;

import java.util.List;
import java.util.function.ToIntFunction;
import org.apache.felix.service.command.Descriptor;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.vellum.api.provider.Diagnosis;

/**
 * The command {@code vellum:doctor}, and the application {@code doctor}, which prints the same and whose exit status is
 * 1 when something is {@link Diagnosis.Verdict#BROKEN}.
 */
@Component(
        immediate = true, // one instance, for all who ask: it measures for one at a time
        service = ToIntFunction.class,
        property = {"vellum.application=doctor", "osgi.command.scope=vellum", "osgi.command.function=doctor"})
public final class Doctor implements ToIntFunction<List<String>> {
    private static final int HELD = 0;
    private static final int FAILED = 1;

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile List<Diagnosis> diagnoses = List.of();

    @Activate
    public Doctor() {}

    Doctor(List<Diagnosis> diagnoses) {
        this.diagnoses = diagnoses;
    }

    @Descriptor("measure this host; which providers work here, and which one gets")
    public String doctor() {
        return examination().text();
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        Report report = examination();
        System.out.println(report.text());
        return report.broken() ? FAILED : HELD;
    }

    /** One at a time: measurements would disturb each other. */
    private synchronized Report examination() {
        return Report.of(diagnoses);
    }
}
