// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vellum.test.tool.Jdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * What the environment of the process may be: each row of the table in {@code docs/operating.md} that a test can make. The
 * distribution opens a region and commits, or ends with one sentence that names the thing and the way out.
 */
class EnvironmentIT {
    private static final long PATIENCE_SECONDS = 600;
    private static final String COMMITTED = "region 'orders': epoch ";

    /** Of bash; {@code run} opens a region in {@code $S} and commits. {@code $WITHOUT} is a sandbox without system calls. */
    private static final String PRELUDE = """
            run() {
                "$JAVA" $FLAGS $JF -jar "$JAR" run --storage "$S" \
                    --command 'vellum:open orders "1 MiB"' --command 'vellum:commit orders'
            }
            export -f run
            """;

    /** The system calls, by their numbers. */
    private static final String MEMFD_CREATE = "319";

    private static final String FORBIDDEN = "1"; // EPERM

    /** An environment, and what becomes of it. */
    private enum Row {
        // locales with digits of their own, by each way a locale is given; dotless i
        ARABIC("JAVA_TOOL_OPTIONS='-Duser.language=ar -Duser.country=EG' run"),
        DEVANAGARI("JF='-Duser.language=hi -Duser.country=IN -Duser.extensions=u-nu-deva' run"),
        PERSIAN_FORMATS("JF='-Duser.language.format=fa' run"),
        TURKISH("JF='-Duser.language=tr -Duser.country=TR' run"),
        INVALID_LOCALE("LANG=xx_YY.foo LC_ALL=xx_YY.foo run"),
        THAI_DOCTOR(
                "\"$JAVA\" $FLAGS -Duser.language=th -Duser.extensions=u-nu-thai -jar \"$JAR\" doctor",
                "Page table host"),

        // folders
        NO_HOME("unset HOME; JF=-Duser.home=/nonexistent-home run"),
        STRANGE_NAME("export LC_ALL=C.UTF-8; mkdir \"$S\"; S=\"$S/a b % 100 größe 訂單\"$'\\n'x; mkdir \"$S.real\";"
                + " ln -s \"$S.real\" \"$S\"; run"),
        OTHER_ENCODINGS("export LC_ALL=C.UTF-8; mkdir \"$S\"; S=\"$S/größe\";"
                + " JF='-Djna.encoding=UTF-16 -Dfile.encoding=ISO-8859-1' run && test -e \"$S/regions/orders.vellum\""),
        NO_TEMPORARY_FOLDER(
                "JF=-Djava.io.tmpdir=/nonexistent-folder run",
                1,
                "no temporary folder can be made in /nonexistent-folder",
                "TMPDIR=FOLDER"),
        TEMPORARY_FOLDER_NOEXEC(
                Needs.MOUNT,
                "mkdir \"$S\" && mount -t tmpfs -o noexec none \"$S\" && JF=-Djava.io.tmpdir=\"$S\" run",
                1,
                "mounted noexec",
                "TMPDIR=FOLDER"),
        TEMPORARY_FOLDER_FULL(
                Needs.MOUNT,
                "mkdir \"$S\" && mount -t tmpfs -o size=64k none \"$S\" && JF=-Djava.io.tmpdir=\"$S\" run",
                1,
                "do not fit into the temporary folder",
                "No space left on device",
                "TMPDIR=FOLDER"),
        STORAGE_IS_A_FILE("touch \"$S\"; run", 1, "--storage", "exists and is no folder"),
        NAME_NOT_IN_THE_LOCALE(
                "export LC_ALL=C; S=\"$S/größe\"; run",
                2,
                "has characters that this process's encoding of file names",
                "LC_ALL=C.UTF-8"),
        FOLDER_NOT_IN_THE_LOCALE(
                "mkdir -p \"$S/größe\"; cd \"$S/größe\"; LC_ALL=C run", 2, "the current folder", "LC_ALL=C.UTF-8"),

        // limits and descriptors
        SMALL_LIMITS("ulimit -n 64; ulimit -l 0; ulimit -s 256; ulimit -c 0; run"),
        FILE_SIZES("ulimit -f 1000; run", 1, "region 'orders'", "EFBIG", "ulimit -f"),
        NO_STANDARD_INPUT_OR_ERROR("run <&- 2>&-"),
        OUTPUT_LOST("run >/dev/full", 1, "standard output could not be written to"),
        NO_READER("set -o pipefail; run | true", 1),

        // the kernel's file systems and calls
        NO_SYS_OR_SHARED_MEMORY(
                Needs.MOUNT, "mount -t tmpfs -o size=0,mode=000 none /dev/shm; mount -t tmpfs none /sys; run"),
        NO_USERFAULTFD(Needs.SANDBOX, "$WITHOUT 38 323 bash -c run"),
        NO_KVM_CALLS(Needs.SANDBOX, "$WITHOUT " + FORBIDDEN + " 16,425,426,427,329,330,332,324 bash -c run"),
        NO_MEMFD(
                Needs.SANDBOX,
                "$WITHOUT " + FORBIDDEN + " " + MEMFD_CREATE + " bash -c run",
                1,
                "region 'orders'",
                "memfd_create",
                "seccomp"),

        // the JVM's own flags
        SIGNALS("export LD_PRELOAD=\"$LIBJSIG\"; JF='-Xrs -XX:+AllowUserSignalHandlers' run"),
        NO_SIGNAL_CHAINING("JF='-XX:-UseSignalChaining -XX:-UseCompressedOops' run"),
        JNA_OPTIONS("JF='-Djna.nosys=true -Djna.protected=true -Djna.boot.library.path=/nonexistent-folder' run"),
        JNA_DOES_NOT_UNPACK(
                "JF=-Djna.nounpack=true run", 1, "libvellum_core.so cannot be loaded", "remove -Djna.nounpack=true"),
        SECURITY_MANAGER(Needs.JDK_17, "JF=-Djava.security.manager run", 1, "a security manager", "AllPermission");

        private final Needs needs;
        private final String script;
        private final int status;
        private final List<String> sentence;

        Row(String script) {
            this(Needs.NOTHING, script);
        }

        Row(Needs needs, String script) {
            this(needs, script, 0, COMMITTED);
        }

        Row(String script, String printed) {
            this(Needs.NOTHING, script, 0, printed);
        }

        Row(String script, int status, String... sentence) {
            this(Needs.NOTHING, script, status, sentence);
        }

        Row(Needs needs, String script, int status, String... sentence) {
            this.needs = needs;
            this.script = script;
            this.status = status;
            this.sentence = List.of(sentence);
        }
    }

    /** What a row asks of the machine that runs the tests. */
    private enum Needs {
        NOTHING,
        MOUNT,
        SANDBOX,
        JDK_17
    }

    private record Outcome(int status, String printed) {}

    private static final Map<Row, Future<Outcome>> OUTCOMES = new ConcurrentHashMap<>();
    private static final Map<Needs, String> LACKING = new ConcurrentHashMap<>();

    @TempDir
    static Path folder;

    private static ExecutorService pool;
    private static Path sandbox;

    /** Two at a time: most of a row's time is the start of a JVM. */
    @BeforeAll
    static void startAll() throws Exception {
        sandbox = folder.resolve("without_calls");
        if (statusOf("cc", "-o", sandbox.toString(), "src/test/c/without_calls.c") != 0) {
            LACKING.put(Needs.SANDBOX, "without_calls.c cannot be compiled with cc");
        } else if (statusOf(sandbox.toString(), "1", "1000", "true") != 0) {
            LACKING.put(Needs.SANDBOX, "seccomp filters cannot be set here");
        }
        if (statusOf("unshare", "-m", "mount", "-t", "tmpfs", "none", folder.toString()) != 0) {
            LACKING.put(Needs.MOUNT, "file systems cannot be mounted in a namespace of its own (needs root)");
        }
        if (Runtime.version().feature() >= 24) {
            LACKING.put(Needs.JDK_17, "JDK " + Runtime.version().feature() + " has no security manager");
        }
        pool = Executors.newFixedThreadPool(2);
        for (Row row : Row.values()) {
            if (!LACKING.containsKey(row.needs)) {
                OUTCOMES.put(row, pool.submit(() -> outcome(row)));
            }
        }
    }

    @AfterAll
    static void end() {
        pool.shutdownNow();
    }

    private static int statusOf(String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException e) {
            return -1;
        }
    }

    private static Outcome outcome(Row row) throws Exception {
        Path output = folder.resolve(row + ".txt");
        String unshare = row.needs == Needs.MOUNT ? "unshare -m " : "";
        // in a file, in UTF-8: an argument would be in the encoding of this JVM
        Path script = Files.writeString(folder.resolve(row + ".sh"), PRELUDE + row.script + "\n");
        ProcessBuilder builder = new ProcessBuilder("bash", "-c", "exec " + unshare + "bash \"$0\"", script.toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        Map<String, String> environment = builder.environment();
        environment.remove("JAVA_TOOL_OPTIONS");
        environment.remove("JDK_JAVA_OPTIONS");
        environment.putAll(Map.of(
                "JAVA", Jdk.running().tool("java"),
                "FLAGS", System.getProperty("vellum.test.jvm").strip(),
                "JF", "",
                "JAR",
                        ContainerProcess.built("vellum.test.distribution")
                                .resolve("vellum.jar")
                                .toString(),
                "S", folder.resolve(row + "-storage").toString(),
                "WITHOUT", sandbox.toString(),
                "LIBJSIG", Jdk.running().home().resolve("lib/libjsig.so").toString()));
        Process process = builder.start();
        process.getOutputStream().close();
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
        return new Outcome(process.exitValue(), Files.readString(output, Charset.forName("ISO-8859-1")));
    }

    @ParameterizedTest
    @EnumSource
    void itWorksOrOneSentenceSaysWhatToDo(Row row) throws Exception {
        if (LACKING.containsKey(row.needs)) {
            System.out.println("SKIPPED environment " + row + ": " + LACKING.get(row.needs));
            Assumptions.abort(LACKING.get(row.needs));
        }
        Outcome outcome = OUTCOMES.get(row).get();
        assertEquals(row.status, outcome.status, outcome.printed);
        if (row == Row.NO_READER) {
            return; // whatever it printed went nowhere
        }
        for (String part : row.sentence) {
            String bytes = new String(part.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
            assertTrue(outcome.printed.contains(bytes), "'" + part + "' is missing in:\n" + outcome.printed);
        }
        // a library that is not loaded is Declarative Services' to report, which it does with a trace
        if (row != Row.JNA_DOES_NOT_UNPACK) {
            assertFalse(outcome.printed.contains("\tat "), outcome.printed);
            assertFalse(outcome.printed.contains("kernel's log"), outcome.printed);
        }
    }
}
