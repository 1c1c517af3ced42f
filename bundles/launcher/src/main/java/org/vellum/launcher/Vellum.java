// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/** The command {@code vellum}: finds the subcommands, parses, runs one, and turns its outcome into an exit status. */
@Command(
        name = "vellum",
        description = "Transparent persistent memory for the JVM.",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Vellum.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Exit status: 0 all that was checked held, 1 a check failed, 2 wrong usage."})
public final class Vellum {
    private static final String LOG_FORMAT_PROPERTY = "java.util.logging.SimpleFormatter.format";
    /** Time, level and message: a line an entry, and no trace of which method wrote it. */
    private static final String LOG_FORMAT = "%1$tT.%1$tL %4$s %5$s%6$s%n";

    private static final int STANDARD_OUTPUT = 1;

    private Vellum() {}

    public static void main(String[] arguments) {
        // the stream itself: a shell puts one of its own in its place
        PrintStream out = System.out;
        try {
            // before anything of Felix is loaded: it writes the Java version into package versions by String.format,
            // and digits that are not ASCII make these invalid. Output and log have one form for all users, too.
            Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
            if (System.getProperty(LOG_FORMAT_PROPERTY) == null) {
                System.setProperty(LOG_FORMAT_PROPERTY, LOG_FORMAT);
            }
        } catch (SecurityException e) {
            throw new Refusal("a security manager without permissions for Vellum is in force; start the JVM without"
                    + " -Djava.security.manager, or with a policy that grants java.security.AllPermission");
        }
        Optional<String> obstacle = FileNames.obstacle(arguments);
        if (obstacle.isPresent()) {
            System.err.println("vellum: " + obstacle.get());
            System.exit(ExitStatus.USAGE);
        }
        int status = commandLine().execute(arguments);
        if (out.checkError() && status == ExitStatus.HELD) {
            status = ExitStatus.FAILED;
            // who has read enough of a pipe (head) wants no more, and no complaint
            if (!Console.isPipe(STANDARD_OUTPUT)) {
                System.err.println("vellum: standard output could not be written to (a full disk, or closed): what the"
                        + " command found is lost; run it again with its output elsewhere");
            }
        }
        System.exit(status);
    }

    /** What the JVM prints of it is one line. */
    private static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1;

        Refusal(String sentence) {
            super(sentence, null, false, false);
        }
    }

    /** The whole grammar, with every subcommand that {@link ServiceLoader} finds. */
    public static CommandLine commandLine() {
        CommandLine vellum = new CommandLine(new Vellum());
        for (Subcommand subcommand : ServiceLoader.load(Subcommand.class, Vellum.class.getClassLoader())) {
            vellum.addSubcommand(subcommand);
        }
        for (EntryPointCommand command : EntryPointCommand.values()) {
            vellum.addSubcommand(command.specification());
        }
        return vellum.setParameterExceptionHandler(Vellum::wrongUsage).setExecutionExceptionHandler(Vellum::failure);
    }

    private static int wrongUsage(ParameterException exception, String[] arguments) {
        CommandLine command = exception.getCommandLine();
        String message = exception.getMessage().lines().findFirst().orElse("wrong usage");
        command.getErr()
                .println(name(command.getCommandSpec()) + ": " + message + " (try './"
                        + command.getCommandSpec().qualifiedName() + " --help')");
        return ExitStatus.USAGE;
    }

    private static int failure(Exception exception, CommandLine command, CommandLine.ParseResult result)
            throws Exception {
        if (!(exception instanceof CommandFailure)) {
            throw exception;
        }
        command.getErr().println(name(command.getCommandSpec()) + ": " + exception.getMessage());
        return ExitStatus.FAILED;
    }

    private static String name(CommandSpec specification) {
        return specification.qualifiedName();
    }

    /** What the build wrote into the jar's manifest. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Vellum.class.getPackage().getImplementationVersion();
            return new String[] {"vellum " + (version == null ? "(not packaged)" : version)};
        }
    }
}
