// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RequireVellum;

/** The notebook as a command: {@code lua-notebook FOLDER LINE [TIMES]}. A line's value is printed when it is durable. */
@RequireVellum
@Component(service = ToIntFunction.class, property = "vellum.application=lua-notebook")
public final class NotebookApplication implements ToIntFunction<List<String>> {
    private static final String REGION = "lua-notebook";
    private static final String SIZE = "64 MiB";

    private final RegionManager regions;
    private final PrintStream out = System.out;

    @Activate
    public NotebookApplication(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        if (arguments.size() < 2 || arguments.size() > 3) {
            System.err.println("lua-notebook " + arguments + ": expected FOLDER LINE [TIMES]");
            return 2;
        }
        RegionOptions options = RegionOptions.size(SIZE).withDirectory(Path.of(arguments.get(0)));
        try (Region region = regions.open(REGION, options)) {
            Notebook notebook = new Notebook(region.buffer(0, (int) region.size()), region.address());
            open(region, notebook);
            out.println("opened lines=" + notebook.lines() + " heap=" + notebook.origin() + " library=0x"
                    + Long.toHexString(notebook.libraryBase()));
            int times = arguments.size() == 2 ? 1 : Integer.parseInt(arguments.get(2));
            for (int i = 0; i < times; i++) {
                run(region, notebook, arguments.get(1));
            }
            return 0;
        } catch (RegionException | LuaException | IOException e) {
            System.err.println("lua-notebook: " + e.getMessage());
            return 1;
        } catch (UnsatisfiedLinkError e) {
            System.err.println("lua-notebook: " + LuaLibrary.NAME + " cannot be loaded (on Debian: apt-get install"
                    + " liblua5.4-0): " + e.getMessage().lines().findFirst().orElse(""));
            return 1;
        }
    }

    private static void open(Region region, Notebook notebook) throws LuaException, IOException {
        try {
            region.<Exception>atomically(notebook::open);
        } catch (LuaException | IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError("a notebook opens without any other exception", e);
        }
    }

    /** All that the line does to the interpreter, and the line, or nothing: an error undoes what Lua had done before it. */
    private void run(Region region, Notebook notebook, String line) throws LuaException {
        String[] value = new String[1];
        long epoch = region.atomically(() -> value[0] = notebook.run(line));
        out.println("line=" + notebook.lines() + " epoch=" + epoch + " value=" + value[0]);
    }
}
