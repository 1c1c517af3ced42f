/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region that is written in place, on a medium of its own whose every step is recorded, for the tests of all tuples.
 * Each test runs once for every kind of medium:
 *
 *     RUN_ON_EACH_MEDIUM(a_store_is_committed);
 *
 * The medium is one file: the home image; the epoch word and, a line behind it, the page checksums; the undo log's
 * headers; its contents.
 */
#ifndef VELLUM_TEST_IN_PLACE_REGION_H
#define VELLUM_TEST_IN_PLACE_REGION_H

#include <fcntl.h>
#include <sys/mman.h>

#include "check.h"
#include "vellum/core.h"
#include "vellum/recorder.h"

extern const struct vellum_strategy_operations vellum_strategy_writeprotect;

#define PAGE VELLUM_PAGE_SIZE
#define MEDIUM 1u
#define IDENTITY UINT64_C(0x1d1d1d1d2e2e2e2e)
#define FIRST_EPOCH UINT64_C(41)
#ifndef PAGES
#define PAGES ((size_t)24) /* two blocks, the second one short */
#endif
#define HOME_SIZE (PAGES * PAGE)
#define EPOCH_WORD_OFFSET HOME_SIZE
#define CHECKSUMS_OFFSET (HOME_SIZE + VELLUM_LINE_SIZE)
#define IN_WHOLE_PAGES(size) (((size) + PAGE - 1) / PAGE * PAGE)
#define SLOTS_OFFSET (HOME_SIZE + IN_WHOLE_PAGES(VELLUM_LINE_SIZE + PAGES * sizeof(uint32_t)))
#define CONTENTS_OFFSET (SLOTS_OFFSET + IN_WHOLE_PAGES(PAGES * sizeof(struct vellum_undo_slot)))
#define MEDIUM_SIZE (CONTENTS_OFFSET + HOME_SIZE)
#define RECORD_SIZE ((size_t)32 << 20)

enum medium_kind {
    IN_MEMORY, /* tmpfs: userfaultfd can protect it */
    ON_DISK,   /* an ordinary file: it cannot */
    ON_DAX,    /* where VELLUM_TEST_DAX names a folder on a DAX file system */
    MEDIUM_KINDS
};
static enum medium_kind medium_kind;

static inline void run_on_media(void (*test)(void), const char *name) {
    static const char *const names[] = {"in memory", "on disk", "on DAX"};
    for (medium_kind = 0; medium_kind < MEDIUM_KINDS; medium_kind++) {
        char title[200];
        snprintf(title, sizeof(title), "%s (%s)", name, names[medium_kind]);
        check_run(test, title);
    }
}
#define RUN_ON_EACH_MEDIUM(test) run_on_media(test, #test)

struct in_place_fixture {
    int file;
    uint8_t *home;   /* the home image, as a store maps it */
    uint8_t *beside; /* the medium from the home image's end on */
    uint8_t *base;
    struct vellum_in_place description;
    struct vellum_region *region;
    struct vellum_recorder *recorder;
    uint8_t *record; /* the recorder's */
    uint8_t *events; /* taken from it */
    uint64_t event_bytes;
};

static inline int create_medium(void) {
    char path[300];
    const char *folder = medium_kind == ON_DAX ? getenv("VELLUM_TEST_DAX") : ".";
    if (folder == NULL) {
        SKIP("VELLUM_TEST_DAX is not set: no folder on a DAX file system is known");
    }
    int file;
    if (medium_kind == IN_MEMORY) {
        file = memfd_create("medium", MFD_CLOEXEC);
    } else {
        snprintf(path, sizeof(path), "%s/in-place-XXXXXX", folder);
        file = mkostemp(path, O_CLOEXEC);
        CHECK(file >= 0);
        CHECK_EQUAL(0, unlink(path));
    }
    CHECK(file >= 0);
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, MEDIUM_SIZE));
    return file;
}

static inline uint8_t *in_medium(const struct in_place_fixture *fixture, size_t offset) {
    return fixture->beside + (offset - HOME_SIZE);
}

/* Where the kernel likes it, instead of in Vellum's own range, which the thread sanitizer cannot shadow. */
static inline uint8_t *reserve_somewhere(size_t length) {
    void *somewhere = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(somewhere != MAP_FAILED);
    CHECK_EQUAL(0, munmap(somewhere, length));
    uint64_t address;
    CHECK_EQUAL(0, vellum_range_reserve((uint64_t)(uintptr_t)somewhere, length, 0, &address));
    return somewhere;
}

static inline uint8_t *map_record(void) {
    uint64_t address;
    CHECK_EQUAL(0, vellum_memory_map(RECORD_SIZE, &address));
    return (uint8_t *)(uintptr_t)address;
}

/* No region yet. Every page of the home image begins with its number. */
static inline struct in_place_fixture create_mapped_medium(void) {
    struct in_place_fixture fixture = {.file = create_medium()};
    for (uint64_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(0, vellum_file_write(fixture.file, &page, sizeof(page), page * PAGE));
    }
    CHECK_EQUAL(0, vellum_core_use_dispatcher(vellum_dispatcher()));
    uint64_t address;
    CHECK_EQUAL(
        0, vellum_file_map_shared(fixture.file, HOME_SIZE, MEDIUM_SIZE - HOME_SIZE, medium_kind == ON_DAX, &address));
    fixture.beside = (uint8_t *)(uintptr_t)address;
    CHECK_EQUAL(0, vellum_file_map_shared(fixture.file, 0, HOME_SIZE, medium_kind == ON_DAX, &address));
    fixture.home = (uint8_t *)(uintptr_t)address;
    fixture.record = map_record();
    fixture.events = map_record();
    CHECK_EQUAL(
        0, vellum_recorder_create(vellum_persistence_for_processor(0), fixture.record, RECORD_SIZE, &fixture.recorder));
    fixture.description = (struct vellum_in_place){
        .persistence = vellum_recorder_persistence(fixture.recorder),
        .identity = IDENTITY,
        .home = fixture.home,
        .epoch_word = (uint64_t *)(void *)in_medium(&fixture, EPOCH_WORD_OFFSET),
        .page_checksums = (uint32_t *)(void *)in_medium(&fixture, CHECKSUMS_OFFSET),
        .slots = (struct vellum_undo_slot *)(void *)in_medium(&fixture, SLOTS_OFFSET),
        .slot_contents = in_medium(&fixture, CONTENTS_OFFSET),
    };
    *fixture.description.epoch_word = vellum_epoch_word(FIRST_EPOCH, IDENTITY);
    CHECK_EQUAL(0, vellum_recorder_watch(fixture.recorder, fixture.home, HOME_SIZE, MEDIUM, 0));
    CHECK_EQUAL(0, vellum_recorder_watch(fixture.recorder, fixture.beside, MEDIUM_SIZE - HOME_SIZE, MEDIUM, HOME_SIZE));
    return fixture;
}

/* Not attached yet. */
static inline struct in_place_fixture create_in_place(uint8_t *(*reserve)(size_t length)) {
    struct in_place_fixture fixture = create_mapped_medium();
    fixture.base = reserve(HOME_SIZE);
    int result = vellum_region_create_in_place((uint64_t)(uintptr_t)fixture.base, HOME_SIZE, fixture.file, 0,
                                               medium_kind == ON_DAX, &fixture.description, &fixture.region);
    CHECK_EQUAL(0, result);
    CHECK_EQUAL(0, vellum_recorder_watch(fixture.recorder, fixture.base, HOME_SIZE, MEDIUM, 0));
    return fixture;
}

static inline void attach_in_place(struct in_place_fixture *fixture, const struct vellum_vmm_operations *vmm,
                                   const struct vellum_pagetable_operations *pagetable) {
    char reason[256];
    int result =
        vellum_region_attach(fixture->region, vmm, pagetable, &vellum_strategy_writeprotect, reason, sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("attach fails with %d: %s", result, reason);
    }
}

static inline void take_events(struct in_place_fixture *fixture) {
    int64_t taken = vellum_recorder_take(fixture->recorder, fixture->events);
    if (taken < 0) {
        CHECK_FAIL("the record is incomplete: %s", strerror((int)-taken));
    }
    fixture->event_bytes = (uint64_t)taken;
}

/* As a close does; the medium stays, and what was recorded. */
static inline void destroy_in_place(struct in_place_fixture *fixture) {
    vellum_region_destroy(fixture->region);
    take_events(fixture);
    vellum_recorder_destroy(fixture->recorder);
}

/* Recorded, by an ordinary store of 8 bytes. */
static inline void store(const struct in_place_fixture *fixture, size_t page, size_t offset, uint64_t value) {
    CHECK_EQUAL(0, vellum_recorder_application_store(fixture->recorder, fixture->base + page * PAGE + offset, &value,
                                                     sizeof(value)));
}

static inline uint64_t word_at(const void *image, size_t page, size_t offset) {
    uint64_t value;
    memcpy(&value, (const uint8_t *)image + page * PAGE + offset, sizeof(value));
    return value;
}

static inline uint64_t loaded(const struct in_place_fixture *fixture, size_t page, size_t offset) {
    return word_at(fixture->base, page, offset);
}

/* What a read of the file sees, whatever is mapped. */
static inline uint64_t in_file(const struct in_place_fixture *fixture, size_t page, size_t offset) {
    uint64_t value;
    CHECK_EQUAL(0, vellum_file_read(fixture->file, &value, sizeof(value), page * PAGE + offset));
    return value;
}

/* Acknowledges the epoch, as whoever called commit would be told of it. */
static inline struct vellum_in_place_commit commit_in_place(const struct in_place_fixture *fixture) {
    struct vellum_in_place_commit commit;
    vellum_region_commit_in_place(fixture->region, &commit);
    vellum_recorder_acknowledge(fixture->recorder, commit.epoch);
    return commit;
}

/* NULL gives the first one; NULL is returned behind the last. */
static inline const struct vellum_recorded_event *next_event(const struct in_place_fixture *fixture,
                                                             const struct vellum_recorded_event *event) {
    const uint8_t *next = event == NULL ? fixture->events : (const uint8_t *)event + event->size;
    return next < fixture->events + fixture->event_bytes ? (const void *)next : NULL;
}

static inline bool touches_page(const struct vellum_recorded_event *event, size_t page) {
    return event->medium == MEDIUM && event->offset / PAGE == page;
}

static inline bool is_slot_header(const struct vellum_recorded_event *event) {
    return event->kind == VELLUM_RECORDED_STORE && event->offset >= SLOTS_OFFSET && event->offset < CONTENTS_OFFSET;
}

static inline const struct vellum_undo_slot *slot_in(const struct vellum_recorded_event *event) {
    return (const void *)(event + 1);
}

#endif
