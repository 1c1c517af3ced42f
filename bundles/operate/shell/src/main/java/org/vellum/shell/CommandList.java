// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;
import org.apache.felix.gogo.runtime.EOFError;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Converter;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * The application {@code shell}: runs Gogo commands one after the other, those it is given or else the lines of standard
 * input, prints what they return, and stops at the first that fails.
 */
@Component(service = ToIntFunction.class, property = "vellum.application=shell")
public final class CommandList implements ToIntFunction<List<String>> {
    private static final int HELD = 0;
    private static final int FAILED = 1;
    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");

    private final CommandProcessor processor;
    private final InputStream in;
    private final OutputStream out;
    private final OutputStream err;

    @Activate
    public CommandList(@Reference CommandProcessor processor) {
        // not System.out: Gogo replaces that by a stream that leads to the session's, which would lead to itself
        this(
                processor,
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err));
    }

    CommandList(CommandProcessor processor, InputStream in, OutputStream out, OutputStream err) {
        this.processor = processor;
        this.in = in;
        this.out = out;
        this.err = err;
    }

    @Override
    public int applyAsInt(List<String> commands) {
        // as System.out does: what is at the other end reads the locale's encoding
        PrintStream output = new PrintStream(out, true, Charset.defaultCharset());
        PrintStream errors = new PrintStream(err, true, Charset.defaultCharset());
        try (CommandSession session = processor.createSession(in, output, errors)) {
            boolean held = commands.isEmpty()
                    ? executeInput(session, output, errors) == HELD
                    : commands.stream().allMatch(command -> execute(session, command, output, errors));
            return held && isWritten(output, errors) ? HELD : FAILED;
        }
    }

    /** Whether all that was printed got where it was to go; says so if not, unless a pipe's reader wanted no more (head). */
    private static boolean isWritten(PrintStream output, PrintStream errors) {
        if (!output.checkError()) {
            return true;
        }
        boolean pipe;
        try {
            pipe = Files.readSymbolicLink(STANDARD_OUTPUT).toString().startsWith("pipe:");
        } catch (IOException e) {
            pipe = false; // closed
        }
        if (!pipe) {
            errors.println(
                    "vellum run: standard output could not be written to (a full disk, or closed): what the commands"
                            + " printed is lost; run them again with their output elsewhere");
        }
        return false;
    }

    /** A line that leaves a brace or a quote open is continued by the next. */
    private int executeInput(CommandSession session, PrintStream output, PrintStream errors) {
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, Charset.defaultCharset()));
        String program = "";
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                program = program.isEmpty() ? line : program + "\n" + line;
                if (isComplete(program)) {
                    if (!execute(session, program, output, errors)) {
                        return FAILED;
                    }
                    program = "";
                }
            }
        } catch (IOException e) {
            errors.println("standard input: " + e.getMessage());
            return FAILED;
        }
        return program.isEmpty() || execute(session, program, output, errors) ? HELD : FAILED;
    }

    private static boolean isComplete(String program) {
        try {
            new org.apache.felix.gogo.runtime.Parser(program).program();
            return true;
        } catch (EOFError e) {
            return false;
        } catch (RuntimeException e) {
            // executing it says what is wrong
            return true;
        }
    }

    private static boolean execute(CommandSession session, String program, PrintStream output, PrintStream errors) {
        try {
            Object result = session.execute(program);
            if (result != null) {
                output.println(session.format(result, Converter.INSPECT));
            }
            return true;
        } catch (Exception e) {
            errors.println("vellum run: '" + program.strip() + "': " + sentence(e));
            return false;
        }
    }

    private static String sentence(Exception exception) {
        return exception instanceof ShellFailure || exception.getMessage() != null
                ? exception.getMessage()
                : exception.toString();
    }
}
