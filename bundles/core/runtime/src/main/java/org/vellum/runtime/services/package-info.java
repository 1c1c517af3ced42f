// SPDX-License-Identifier: Apache-2.0
/**
 * What all regions of the process share: the native core, phase observers, the way of events, the watch. Depends on {@code waiting}
 * and the API.
 */
package org.vellum.runtime.services;
