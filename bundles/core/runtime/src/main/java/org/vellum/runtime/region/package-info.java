// SPDX-License-Identifier: Apache-2.0
/**
 * The region that applications have: how it is put together ({@link org.vellum.runtime.region.RegionOpening}), the façade that hands each
 * call down ({@link org.vellum.runtime.region.OpenRegion}), its status. Depends on all below it: {@code swap}, {@code commit}, {@code
 * providers}, {@code state}, {@code services}, {@code waiting}. Tells those above through {@link
 * org.vellum.runtime.region.RegionListener}.
 */
package org.vellum.runtime.region;
