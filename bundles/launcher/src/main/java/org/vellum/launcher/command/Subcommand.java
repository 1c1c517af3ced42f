// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

import java.util.concurrent.Callable;

/**
 * One subcommand of {@code vellum}, in a class of its own.
 *
 * <p>To add one: annotate the class with picocli's {@code @Command(name = …, description = …)}, give it a public
 * constructor without arguments, and name it in
 * {@code META-INF/services/org.vellum.launcher.command.Subcommand}; the order there is the order in the help. Regions
 * are chosen by {@code @Mixin ProviderSelection}, so that all subcommands share one grammar.
 *
 * <p>{@link #call()} returns the exit status, one of {@link ExitStatus}. To end with a sentence on standard error
 * instead of a result, throw {@link CommandFailure}; any other exception is a defect and is shown with its trace.
 */
public interface Subcommand extends Callable<Integer> {}
