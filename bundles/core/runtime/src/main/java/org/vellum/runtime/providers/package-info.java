// SPDX-License-Identifier: Apache-2.0
/**
 * The four axes, the providers there are on each, and which of them a region takes: selectors, tuples that fit, the store of a region.
 * Depends on the API only; of OSGi it uses the parser of LDAP filters, in {@link org.vellum.runtime.providers.LdapFilter}.
 */
package org.vellum.runtime.providers;
