// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting of one thread for others: its limit, its interrupts, and what the status and the log say of it while it lasts. Depends on
 * the API only.
 */
package org.vellum.runtime.waiting;
