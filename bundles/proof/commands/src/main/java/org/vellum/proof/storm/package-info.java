/** The subcommand {@code storm}: a framework in which every bundle comes and goes. */
package org.vellum.proof.storm;
