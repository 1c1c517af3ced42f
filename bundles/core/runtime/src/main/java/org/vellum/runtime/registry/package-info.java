// SPDX-License-Identifier: Apache-2.0
/**
 * Every region that is open in this process, on whose behalf, and the providers there are for them ({@link
 * org.vellum.runtime.registry.Regions}). Depends on {@code region} and what is below it. Uses no OSGi, so that the runtime can be put
 * together without a framework.
 */
package org.vellum.runtime.registry;
