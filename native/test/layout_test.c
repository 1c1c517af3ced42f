/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libraries answer about the structures that Java has too (layout.h). That the answers are the compiler's own is
 * checked where they are compiled.
 */
#include "check.h"
#include "vellum/core.h"
#include "vellum/kvm.h"
#include "vellum/recorder.h"

int vellum_pagetable_host_layout(const char *name, struct vellum_layout *layout);

static void a_structure_is_described_by_its_size_and_how_many_fields_it_has(void) {
    struct vellum_layout layout;
    CHECK_EQUAL(0, vellum_core_layout("vellum_cut", &layout));
    CHECK_EQUAL(sizeof(struct vellum_cut), layout.size);
    CHECK_EQUAL(4, layout.fields);
    CHECK_EQUAL(0, vellum_core_layout("vellum_relocation", &layout));
    CHECK_EQUAL(sizeof(struct vellum_relocation), layout.size);
    CHECK_EQUAL(6, layout.fields);
    CHECK_EQUAL(0, vellum_vmm_kvm_layout("vellum_kvm_counters", &layout));
    CHECK_EQUAL(sizeof(struct vellum_kvm_counters), layout.size);
    CHECK_EQUAL(15, layout.fields);
    CHECK_EQUAL(0, vellum_pagetable_host_layout("host_page_times", &layout));
    CHECK_EQUAL(2, layout.fields);
    CHECK_EQUAL(0, vellum_persistence_layout("vellum_recorded_event", &layout));
    CHECK_EQUAL(sizeof(struct vellum_recorded_event), layout.size);
}

static void a_field_is_described_by_its_offset_and_size(void) {
    struct vellum_layout layout;
    CHECK_EQUAL(0, vellum_core_layout("vellum_cut.batch_length", &layout));
    CHECK_EQUAL(offsetof(struct vellum_cut, batch_length), layout.offset);
    CHECK_EQUAL(sizeof(uint64_t), layout.size);
    CHECK_EQUAL(0, layout.fields);
    CHECK_EQUAL(0, vellum_vmm_kvm_layout("vellum_kvm_measurements.rearm_path", &layout));
    CHECK_EQUAL(offsetof(struct vellum_kvm_measurements, rearm_path), layout.offset);
    CHECK_EQUAL(sizeof(uint32_t), layout.size);
    CHECK_EQUAL(0, vellum_persistence_layout("vellum_recorded_event.length", &layout));
    CHECK_EQUAL(32, layout.offset);
}

static void what_is_not_there_is_not_described(void) {
    struct vellum_layout layout;
    CHECK_EQUAL(-ENOENT, vellum_core_layout("vellum_cut.changed_line", &layout));
    CHECK_EQUAL(-ENOENT, vellum_core_layout("vellum_kvm_counters", &layout));
    CHECK_EQUAL(-ENOENT, vellum_core_layout("", &layout));
}

int main(void) {
    RUN(a_structure_is_described_by_its_size_and_how_many_fields_it_has);
    RUN(a_field_is_described_by_its_offset_and_size);
    RUN(what_is_not_there_is_not_described);
    return check_result();
}
