// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.util.List;

/**
 * Where an image goes on after it was recovered.
 *
 * @param epoch the last durable epoch, which the committed view or the home image now holds
 * @param generation one that no batch on the device can carry
 * @param remarks sentences for the region's status
 */
public record Recovered(long epoch, long generation, List<String> remarks) {}
