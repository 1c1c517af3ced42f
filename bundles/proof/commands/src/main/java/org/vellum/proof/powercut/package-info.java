/** {@code vellum powercut}: starts the power cuts. */
package org.vellum.proof.powercut;
