/**
 * Containers as users have them, each a process of its own: a bundle in it opens a region, writes and commits; the
 * process is killed and started again, and the bundle finds what it had committed and nothing else.
 */
package org.vellum.test.deployment;
