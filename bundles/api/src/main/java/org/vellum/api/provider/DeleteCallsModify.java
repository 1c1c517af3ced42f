// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import aQute.bnd.annotation.xml.XMLAttribute;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a component: when its configuration is deleted it is modified, as when the configuration is changed, and stays active.
 * Declarative Services would deactivate it and activate another, and what is open through it would be closed. An extension of
 * Felix SCR, which is the implementation in Felix, Karaf and Equinox; others ignore it.
 */
@XMLAttribute(namespace = "http://felix.apache.org/xmlns/scr/extensions/v1.0.0", prefix = "felix", embedIn = "*")
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
public @interface DeleteCallsModify {
    boolean deleteCallsModify() default true;
}
