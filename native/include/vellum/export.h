/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is compiled with -fvisibility=hidden; what a shared object offers carries VELLUM_EXPORT at its
 * definition. So two bundles' libraries never bind to each other's helper functions by accident.
 */
#ifndef VELLUM_EXPORT_H
#define VELLUM_EXPORT_H

#define VELLUM_EXPORT __attribute__((visibility("default")))

#endif
