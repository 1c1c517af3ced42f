/** {@code vellum crashtest}: kills an application in every phase of a commit, and checks what it left. */
package org.vellum.proof.crashtest;
