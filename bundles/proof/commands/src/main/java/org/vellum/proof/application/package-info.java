/** What an application in a child JVM says to its parent, by either of its outputs. */
package org.vellum.proof.application;
