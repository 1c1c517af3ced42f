/** What the container tests see of the consumer bundle. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.test.consumer;
