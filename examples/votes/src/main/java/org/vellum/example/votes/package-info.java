/** The service {@link org.vellum.example.votes.Votes}, for other bundles. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package org.vellum.example.votes;
