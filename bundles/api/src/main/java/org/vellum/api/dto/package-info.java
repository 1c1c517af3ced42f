/** Data transfer objects, as OSGi runtimes exchange them: public fields, no behaviour. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.2.0")
package org.vellum.api.dto;
