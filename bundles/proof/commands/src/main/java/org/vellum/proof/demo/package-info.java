/** {@code vellum demo}: an ordinary application, killed again and again, ends with the right result. */
package org.vellum.proof.demo;
