// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.nio.file.Path;
import javax.inject.Inject;
import org.junit.FixMethodOrder;
import org.junit.Rule;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.MethodSorters;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerMethod;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.consumer.Notebook;

import static org.junit.Assert.assertEquals;

/** A container a method, in order of name: the second finds what the first committed. */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerMethod.class)
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
public class RestartedContainerIT {
    private static final Path REGIONS = folder();

    @Rule
    public final QuietLog log = new QuietLog();

    @Inject
    private Notebook notebook;

    @Configuration
    public Option[] container() {
        return Container.with(REGIONS);
    }

    private static Path folder() {
        // this class is loaded in the container too, which has its folder already
        String given = System.getProperty("vellum.directory");
        return given == null ? Container.newFolder() : Path.of(given);
    }

    @Test
    public void firstAContainerCommits() {
        try (Region region = notebook.open("lasting", RegionOptions.size("1 MiB"))) {
            region.buffer(4096, 16).putLong(0, 31).putLong(8, region.address());
            assertEquals(1, region.commit());
            region.buffer(4096, 8).putLong(0, 32);
        }
    }

    @Test
    public void thenAnotherFindsTheDataAtTheSameAddress() {
        try (Region region = notebook.open("lasting", RegionOptions.existing())) {
            assertEquals(1, region.status().epoch());
            assertEquals(31, region.buffer(4096, 16).getLong(0));
            assertEquals(region.address(), region.buffer(4096, 16).getLong(8));
        }
    }
}
