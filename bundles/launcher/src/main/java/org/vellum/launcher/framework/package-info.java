/** Felix with the bundles of the distribution, in this JVM or in a child of it. */
package org.vellum.launcher.framework;
