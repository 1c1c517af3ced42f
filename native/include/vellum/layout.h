/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How structures that Java and C share lie in memory. Java has the fields in the same order, or their offsets; each
 * side checks itself:
 *
 *   - here, a list of a structure's fields with offsets and sizes (VELLUM_LAYOUT_CHECKS) does not compile when the
 *     structure differs;
 *   - a library answers from the same list what a structure or a field is like, so that a test in Java compares what
 * Java believes: vellum_core_layout, vellum_vmm_kvm_layout, vellum_pagetable_host_layout, vellum_persistence_layout.
 *
 * A list is a macro:
 *
 *     #define LAYOUT(STRUCT, FIELD) STRUCT(vellum_swap, 16) FIELD(vellum_swap, 0, 8, carried_pages) …
 */
#ifndef VELLUM_LAYOUT_H
#define VELLUM_LAYOUT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vellum/export.h"

/* An answer. */
struct vellum_layout {
    uint64_t offset; /* of a field, in its structure */
    uint64_t size;   /* bytes */
    uint64_t fields; /* of a structure: how many there are, without gaps between them; of a field 0 */
};

struct vellum_layout_entry {
    const char *name; /* "vellum_swap" or "vellum_swap.carried_pages" */
    struct vellum_layout layout;
};

#define VELLUM_LAYOUT_STRUCT_CHECK(type, size) _Static_assert(sizeof(struct type) == (size), "Java has " #type " so");
#define VELLUM_LAYOUT_FIELD_CHECK(type, offset, size, field)                                                           \
    _Static_assert(offsetof(struct type, field) == (offset) && sizeof(((struct type *)0)->field) == (size),            \
                   "Java has " #type "." #field " so");
/* NOLINTBEGIN(bugprone-macro-parentheses): parts of a sum, elements of an array */
#define VELLUM_LAYOUT_STRUCT_BYTES(type, size) +(size)
#define VELLUM_LAYOUT_FIELD_BYTES(type, offset, size, field) +(size)
#define VELLUM_LAYOUT_NO_STRUCT(type, size)
#define VELLUM_LAYOUT_NO_FIELD(type, offset, size, field)
#define VELLUM_LAYOUT_CHECKS(list)                                                                                     \
    list(VELLUM_LAYOUT_STRUCT_CHECK, VELLUM_LAYOUT_FIELD_CHECK) _Static_assert(                                        \
        (0 list(VELLUM_LAYOUT_STRUCT_BYTES, VELLUM_LAYOUT_NO_FIELD))                                                   \
            == (0 list(VELLUM_LAYOUT_NO_STRUCT, VELLUM_LAYOUT_FIELD_BYTES)),                                           \
        "every byte is a field's, and every field is in the list")

#define VELLUM_LAYOUT_STRUCT_ENTRY(type, size) {#type, {0, (size), 0}},
#define VELLUM_LAYOUT_FIELD_ENTRY(type, offset, size, field) {#type "." #field, {(offset), (size), 0}},
/* NOLINTEND(bugprone-macro-parentheses) */
#define VELLUM_LAYOUT_ENTRIES(list)                                                                                    \
    { list(VELLUM_LAYOUT_STRUCT_ENTRY, VELLUM_LAYOUT_FIELD_ENTRY) }

/* What a library's …_layout answers. -ENOENT: there is no such structure or field. */
static inline int vellum_layout_find(const struct vellum_layout_entry *entries, size_t count, const char *name,
                                     struct vellum_layout *layout) {
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            *layout = entries[i].layout;
            while (++i < count && strncmp(entries[i].name, name, length) == 0 && entries[i].name[length] == '.') {
                layout->fields++;
            }
            return 0;
        }
    }
    return -ENOENT;
}

/* The function by which a library answers for the structures of its list. */
#define VELLUM_LAYOUT_FUNCTION(function, list)                                                                         \
    VELLUM_EXPORT int function(const char *name, struct vellum_layout *layout) {                                       \
        static const struct vellum_layout_entry entries[] = VELLUM_LAYOUT_ENTRIES(list);                               \
        return vellum_layout_find(entries, sizeof(entries) / sizeof(entries[0]), name, layout);                        \
    }

#endif
