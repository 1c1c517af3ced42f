// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** On a test that {@link ContainerRunner} skips, with the reason, on a machine whose /dev/kvm this user cannot open. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface NeedsGuestMode {}
