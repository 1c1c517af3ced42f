// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.Map;
import java.util.function.Predicate;
import org.osgi.framework.Filter;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.vellum.api.InvalidRegionException;

/**
 * A selector that is an LDAP filter over the properties of a provider's service. The syntax is OSGi's, and so is the parser:
 * this is the only class outside of {@code org.vellum.runtime.osgi} that uses OSGi, and it is loaded for the first
 * such selector only.
 */
final class LdapFilter {
    private LdapFilter() {}

    /** @throws InvalidRegionException it is malformed; says what is expected */
    static Predicate<Map<String, Object>> parse(Axis axis, String selector) {
        try {
            Filter filter = FrameworkUtil.createFilter(selector);
            return filter::matches;
        } catch (InvalidSyntaxException e) {
            throw new InvalidRegionException(
                    axis.label() + " selector '" + selector + "' is no LDAP filter: " + e.getMessage()
                            + "; expected 'auto', a provider's name or a filter such as '(" + axis.nameProperty()
                            + "=name)'",
                    e);
        }
    }
}
