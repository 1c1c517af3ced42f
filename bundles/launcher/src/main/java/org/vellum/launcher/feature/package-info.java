/** OSGi feature files: reading them, and finding on this machine what they name. */
package org.vellum.launcher.feature;
