/** Data transfer objects as JSON, for bundles that show them: each has a copy of this package (bnd's {@code -conditionalpackage}). */
package org.vellum.json;
