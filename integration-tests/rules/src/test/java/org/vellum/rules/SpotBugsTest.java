// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import edu.umd.cs.findbugs.BugCollectionBugReporter;
import edu.umd.cs.findbugs.BugInstance;
import edu.umd.cs.findbugs.DetectorFactoryCollection;
import edu.umd.cs.findbugs.FindBugs2;
import edu.umd.cs.findbugs.Priorities;
import edu.umd.cs.findbugs.Project;
import edu.umd.cs.findbugs.config.UserPreferences;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** SpotBugs finds nothing in the bundles but what {@code spotbugs-accepted.xml} gives a reason for. */
@Tag("slow")
class SpotBugsTest {
    @Test
    void findsNothingThatHasNoReason() throws Exception {
        Path accepted =
                Path.of(SpotBugsTest.class.getResource("/spotbugs-accepted.xml").toURI());
        List<Path> product = Product.places();
        try (Project project = new Project();
                FindBugs2 engine = new FindBugs2()) {
            product.forEach(place -> project.addFile(place.toString()));
            Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                    .filter(place -> !product.contains(Path.of(place)))
                    .forEach(project::addAuxClasspathEntry);
            BugCollectionBugReporter reporter = new BugCollectionBugReporter(project);
            reporter.setPriorityThreshold(Priorities.NORMAL_PRIORITY);
            engine.setProject(project);
            engine.setDetectorFactoryCollection(DetectorFactoryCollection.instance());
            engine.setBugReporter(reporter);
            engine.setUserPreferences(UserPreferences.createDefaultUserPreferences());
            engine.addFilter(accepted.toString(), false);
            engine.execute();
            List<String> found = reporter.getBugCollection().getCollection().stream()
                    .map(SpotBugsTest::sentence)
                    .sorted()
                    .toList();
            assertEquals("", String.join("\n", found), "findings of SpotBugs");
        }
    }

    private static String sentence(BugInstance bug) {
        return bug.getType() + ": " + bug.getMessage() + " at " + bug.getPrimarySourceLineAnnotation();
    }
}
