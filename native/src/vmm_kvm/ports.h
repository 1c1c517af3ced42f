/* SPDX-License-Identifier: Apache-2.0 */
/* Exit ports, for assembly and C alike. */
#ifndef VELLUM_VMM_KVM_PORTS_H
#define VELLUM_VMM_KVM_PORTS_H

#define PORT_SYSTEM_CALL 0x55
#define PORT_WAKE 0x56     /* CPL 0 served a store fault, but a gate's closer waits to be woken */
#define PORT_MEASURED 0x57 /* end of the loop that times instructions at CPL 0 */

#endif
