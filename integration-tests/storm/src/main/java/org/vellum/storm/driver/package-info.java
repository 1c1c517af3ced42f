/** Starts a framework on a flat class path, Felix or Equinox, and makes its bundles come and go. */
package org.vellum.storm.driver;
