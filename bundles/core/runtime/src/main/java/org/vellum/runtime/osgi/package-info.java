// SPDX-License-Identifier: Apache-2.0
/**
 * All that touches OSGi: the components that follow providers and configurations, register services, post events, and withdraw services in
 * order when bundles stop. Depends on {@code registry} and below; nothing depends on it.
 */
package org.vellum.runtime.osgi;
