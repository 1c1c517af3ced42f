/**
 * The page {@code vellum} of the Felix Web Console: {@link org.vellum.webconsole.RegionsPage} answers the browser, what it sends
 * are the DTOs of {@link org.vellum.webconsole.PageData}; {@code res/vellum.js} draws it.
 */
package org.vellum.webconsole;
