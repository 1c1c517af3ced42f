// SPDX-License-Identifier: Apache-2.0
/**
 * How an epoch becomes durable: the commit path ({@link org.vellum.runtime.commit.CommitPath}), the two schemes by which it writes, and
 * the image that it writes to. Depends on {@code state}, {@code services} and {@code waiting}; knows nothing of swaps.
 */
package org.vellum.runtime.commit;
