// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Diagnosis.Verdict;
import org.vellum.store.image.medium.NativeStoreFiles;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FolderDiagnosisTest {
    @TempDir
    Path directory;

    private static List<Finding> examine(Path folder) {
        return new FolderDiagnosis(Cores.CORE, new NativeStoreFiles(Cores.CORE), folder).examine();
    }

    @Test
    void theFolderIsMeasuredAndLeftAsItWas() throws IOException {
        List<Finding> findings = examine(directory);
        assertEquals(Finding.fact("folder", directory.toString()), findings.get(0));
        assertTrue(
                findings.get(1).text().matches("[0-9.]+ [KMGT]iB"),
                findings.get(1).text());
        assertEquals(Verdict.WORKS, findings.get(2).verdict());
        assertTrue(findings.get(2).text().matches("[0-9.]+ [nµm]s to write a page and make it durable"));
        try (var left = Files.list(directory)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void aFolderThatIsNotThereIsNotMade() {
        Path missing = directory.resolve("a/b");
        List<Finding> findings = examine(missing);
        assertEquals(
                missing + ", made when the first region is", findings.get(0).text());
        assertEquals("free space", findings.get(1).subject());
        assertEquals(2, findings.size());
        assertTrue(Files.notExists(directory.resolve("a")));
    }

    @Test
    void aFolderThatCannotBeWrittenIsBrokenAndTheWayOutIsNamed() {
        Finding finding = examine(Path.of("/proc/self")).get(2);
        assertEquals(Verdict.BROKEN, finding.verdict());
        assertTrue(finding.text().contains(".vellum-doctor-"), finding.text());
    }
}
