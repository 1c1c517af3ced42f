/**
 * Three applications that store and commit for as long as they may: a component with a region manager, a component with a
 * configured region, an activator with a tracker. Each checks what it finds against what was acknowledged before, and commits
 * once more when it has to let go.
 *
 * <p>What they know of earlier lives is in a map that the driver registers as a service: it outlives their bundle. In it are
 * classes of the JDK only, or it would hold the bundle.
 */
package org.vellum.storm;
