/** Our own stores as subjects of the crash enumeration: the code of {@code store-image} over media in memory. */
package org.vellum.crash.subjects;
