// SPDX-License-Identifier: Apache-2.0
/**
 * What one region is now and who may change it: open, failed or closed, and the three locks in their order ({@link
 * org.vellum.runtime.state.RegionLocks}). Depends on {@code waiting} and {@code services}.
 */
package org.vellum.runtime.state;
