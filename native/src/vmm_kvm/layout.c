/* SPDX-License-Identifier: Apache-2.0 */
/* The structures of kvm.h, which Java reads one after the other. */
#include "vellum/kvm.h"
#include "vellum/layout.h"

/* clang-format off: a table */
#define LAYOUT(STRUCT, FIELD)                                                                                          \
    STRUCT(vellum_kvm_measurements, 72)                                                                                \
    FIELD(vellum_kvm_measurements, 0, 8, ring_0_instruction)                                                           \
    FIELD(vellum_kvm_measurements, 8, 8, exit)                                                                         \
    FIELD(vellum_kvm_measurements, 16, 8, fault_by_exit)                                                               \
    FIELD(vellum_kvm_measurements, 24, 8, fault_in_guest)                                                              \
    FIELD(vellum_kvm_measurements, 32, 8, first_store)                                                                 \
    FIELD(vellum_kvm_measurements, 40, 8, rearm)                                                                       \
    FIELD(vellum_kvm_measurements, 48, 4, fault_path)                                                                  \
    FIELD(vellum_kvm_measurements, 52, 4, rearm_path)                                                                  \
    FIELD(vellum_kvm_measurements, 56, 4, large_pages)                                                                 \
    FIELD(vellum_kvm_measurements, 60, 4, extended_state)                                                              \
    FIELD(vellum_kvm_measurements, 64, 4, kick_signal)                                                                 \
    FIELD(vellum_kvm_measurements, 68, 4, vcpu_limit)                                                                  \
    STRUCT(vellum_kvm_counters, 120)                                                                                   \
    FIELD(vellum_kvm_counters, 0, 8, vcpus)                                                                            \
    FIELD(vellum_kvm_counters, 8, 8, memory_slots)                                                                     \
    FIELD(vellum_kvm_counters, 16, 8, chunks)                                                                          \
    FIELD(vellum_kvm_counters, 24, 8, entries)                                                                         \
    FIELD(vellum_kvm_counters, 32, 8, leaves)                                                                          \
    FIELD(vellum_kvm_counters, 40, 8, leaves_for_system_call)                                                          \
    FIELD(vellum_kvm_counters, 48, 8, leaves_for_fault)                                                                \
    FIELD(vellum_kvm_counters, 56, 8, leaves_for_signal)                                                               \
    FIELD(vellum_kvm_counters, 64, 8, leaves_for_other)                                                                \
    FIELD(vellum_kvm_counters, 72, 8, forwarded_system_calls)                                                          \
    FIELD(vellum_kvm_counters, 80, 8, store_faults)                                                                    \
    FIELD(vellum_kvm_counters, 88, 8, store_faults_in_guest)                                                           \
    FIELD(vellum_kvm_counters, 96, 8, hypercalls)                                                                      \
    FIELD(vellum_kvm_counters, 104, 8, kicks)                                                                          \
    FIELD(vellum_kvm_counters, 112, 8, opened_in_host)
/* clang-format on */

VELLUM_LAYOUT_CHECKS(LAYOUT);

VELLUM_LAYOUT_FUNCTION(vellum_vmm_kvm_layout, LAYOUT)
