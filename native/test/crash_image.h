/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut may leave of a recorded medium, and recovery from it.
 *
 * Every aligned word of 8 bytes is by itself: it has the value that is surely there (all fences behind it), and those
 * that were stored since, any of which may have got there. A fence makes durable what its own thread stored past the
 * caches, or has begun to write back.
 */
#ifndef VELLUM_TEST_CRASH_IMAGE_H
#define VELLUM_TEST_CRASH_IMAGE_H

#include "in_place_region.h"
#include "random.h"

#define WORDS (MEDIUM_SIZE / 8)
#define MOST_VERSIONS 24

struct version {
    uint64_t value;
    uint64_t stored_past_caches_by;
    uint64_t written_back_by;
};

struct crash_model {
    uint64_t durable[WORDS];
    uint8_t count[WORDS]; /* versions since */
    struct version versions[WORDS][MOST_VERSIONS];
    uint64_t acknowledged;
};

static inline struct crash_model *start_model(const struct in_place_fixture *fixture) {
    struct crash_model *model = calloc(1, sizeof(*model));
    CHECK(model != NULL);
    CHECK_EQUAL(0, vellum_file_read(fixture->file, model->durable, MEDIUM_SIZE, 0));
    return model;
}

static inline uint64_t newest(const struct crash_model *model, size_t word) {
    return model->count[word] == 0 ? model->durable[word] : model->versions[word][model->count[word] - 1].value;
}

static inline void add_version(struct crash_model *model, size_t word, uint64_t value, uint64_t past_caches_by) {
    CHECK(model->count[word] < MOST_VERSIONS);
    model->versions[word][model->count[word]++] =
        (struct version){.value = value, .stored_past_caches_by = past_caches_by};
}

static inline void apply_store(struct crash_model *model, const struct vellum_recorded_event *event) {
    const uint8_t *bytes = (const uint8_t *)(event + 1);
    uint64_t past_caches_by = event->kind == VELLUM_RECORDED_STORE ? event->thread : 0;
    for (uint64_t offset = event->offset; offset < event->offset + event->length;) {
        size_t in_word = offset % 8;
        size_t left = (size_t)(event->offset + event->length - offset);
        size_t length = 8 - in_word < left ? 8 - in_word : left;
        uint64_t value = newest(model, offset / 8);
        memcpy((uint8_t *)&value + in_word, bytes + (offset - event->offset), length);
        add_version(model, offset / 8, value, past_caches_by);
        offset += length;
    }
}

static inline void apply_write_back(struct crash_model *model, const struct vellum_recorded_event *event) {
    size_t first = event->offset / VELLUM_LINE_SIZE * VELLUM_LINE_SIZE / 8;
    size_t end = (event->offset + event->length + VELLUM_LINE_SIZE - 1) / VELLUM_LINE_SIZE * VELLUM_LINE_SIZE / 8;
    for (size_t word = first; word < end; word++) {
        if (model->count[word] > 0) {
            model->versions[word][model->count[word] - 1].written_back_by = event->thread;
        }
    }
}

static inline void apply_fence(struct crash_model *model, uint64_t thread) {
    for (size_t word = 0; word < WORDS; word++) {
        for (size_t i = model->count[word]; i > 0; i--) {
            struct version version = model->versions[word][i - 1];
            if (version.stored_past_caches_by == thread || version.written_back_by == thread) {
                model->durable[word] = version.value;
                memmove(&model->versions[word][0], &model->versions[word][i],
                        (model->count[word] - i) * sizeof(version));
                model->count[word] = (uint8_t)(model->count[word] - i);
                break;
            }
        }
    }
}

static inline void apply_event(struct crash_model *model, const struct vellum_recorded_event *event) {
    switch (event->kind) {
    case VELLUM_RECORDED_WRITE_BACK:
        apply_write_back(model, event);
        break;
    case VELLUM_RECORDED_FENCE:
        apply_fence(model, event->thread);
        break;
    case VELLUM_RECORDED_ACKNOWLEDGED:
        model->acknowledged = event->offset;
        break;
    default:
        apply_store(model, event);
    }
}

/* ---- images ---- */

#define SAMPLES 12 /* of each cut: nothing more than what is durable, everything stored, and random choices */

static inline void build_image(const struct crash_model *model, size_t sample, uint64_t seed, uint8_t *image) {
    uint64_t random = seed * 0x9e3779b97f4a7c15 + sample + 1;
    memcpy(image, model->durable, MEDIUM_SIZE);
    for (size_t word = 0; word < WORDS; word++) {
        size_t count = model->count[word];
        size_t choice = sample == 0 ? 0 : sample == 1 ? count : next_random(&random) % (count + 1);
        if (choice > 0) {
            memcpy(image + word * 8, &model->versions[word][choice - 1].value, 8);
        }
    }
}

/* ---- recovery, as docs/on-store-format.md has it, in its simplest form ---- */

/* Bit by bit: not the code that is tested. */
static inline uint32_t crc32c(uint32_t checksum, const void *data, size_t length) {
    checksum = ~checksum;
    for (size_t i = 0; i < length; i++) {
        checksum ^= ((const uint8_t *)data)[i];
        for (int bit = 0; bit < 8; bit++) {
            checksum = checksum >> 1 ^ (checksum & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~checksum;
}

static inline uint32_t checksum_of_page(const uint8_t *page) {
    uint32_t checksum = crc32c(0, page, PAGE);
    return checksum != 0 ? checksum : 1;
}

static inline struct vellum_undo_slot slot_at(const uint8_t *image, size_t slot) {
    struct vellum_undo_slot header;
    memcpy(&header, image + SLOTS_OFFSET + slot * sizeof(header), sizeof(header));
    return header;
}

static inline bool is_live(const uint8_t *image, size_t slot, uint64_t epoch) {
    struct vellum_undo_slot header = slot_at(image, slot);
    uint32_t checksum = header.checksum;
    header.checksum = 0;
    return header.magic == VELLUM_UNDO_SLOT_MAGIC && header.identity == IDENTITY && header.epoch == epoch + 1
        && header.page < PAGES
        && checksum == crc32c(crc32c(0, &header, sizeof(header)), image + CONTENTS_OFFSET + slot * PAGE, PAGE);
}

/* The committed epoch; the image is at it afterwards. NULL or what is wrong. */
static inline const char *recover(uint8_t *image, uint64_t *epoch) {
    uint64_t word;
    memcpy(&word, image + EPOCH_WORD_OFFSET, sizeof(word));
    *epoch = word & ((UINT64_C(1) << VELLUM_EPOCH_BITS) - 1);
    uint64_t checked[2] = {*epoch, IDENTITY};
    if (word >> VELLUM_EPOCH_BITS != (crc32c(0, checked, sizeof(checked)) & 0xffff)) {
        return "the epoch word does not fit its check";
    }
    uint64_t complete = 0;
    for (size_t slot = 0; slot < PAGES; slot++) {
        if (is_live(image, slot, *epoch)) {
            struct vellum_undo_slot header = slot_at(image, slot);
            uint8_t *page = image + header.page * PAGE;
            memcpy(page, image + CONTENTS_OFFSET + slot * PAGE, PAGE);
            uint32_t *checksum = (uint32_t *)(void *)(image + CHECKSUMS_OFFSET) + header.page;
            *checksum = *checksum != 0 ? checksum_of_page(page) : 0;
            complete = header.complete > complete ? header.complete : complete;
        }
    }
    for (size_t slot = 0; slot < complete; slot++) {
        if (!is_live(image, slot, *epoch)) {
            return "a slot below the watermark is not live";
        }
    }
    for (size_t page = 0; page < PAGES; page++) {
        uint32_t checksum = ((uint32_t *)(void *)(image + CHECKSUMS_OFFSET))[page];
        if (checksum != 0 && checksum != checksum_of_page(image + page * PAGE)) {
            return "a page does not fit its checksum";
        }
    }
    return NULL;
}

/* ---- the proof ---- */

#define MOST_EPOCHS 64

/* What the home image held at each committed epoch, from FIRST_EPOCH on. */
struct oracle {
    uint8_t *homes[MOST_EPOCHS];
};

static inline void remember(struct oracle *oracle, const struct in_place_fixture *fixture, uint64_t epoch) {
    uint8_t *home = malloc(HOME_SIZE);
    CHECK(home != NULL && epoch - FIRST_EPOCH < MOST_EPOCHS);
    memcpy(home, fixture->base, HOME_SIZE);
    oracle->homes[epoch - FIRST_EPOCH] = home;
}

static inline const char *judge(const struct crash_model *model, const struct oracle *oracle, uint8_t *image) {
    uint64_t epoch;
    const char *wrong = recover(image, &epoch);
    if (wrong != NULL) {
        return wrong;
    }
    if (epoch < model->acknowledged) {
        return "an acknowledged epoch is lost";
    }
    if (epoch < FIRST_EPOCH || epoch - FIRST_EPOCH >= MOST_EPOCHS || oracle->homes[epoch - FIRST_EPOCH] == NULL) {
        return "it is at an epoch that nobody committed";
    }
    return memcmp(image, oracle->homes[epoch - FIRST_EPOCH], HOME_SIZE) == 0 ? NULL : "it is not what was committed";
}

/*
 * Cuts the power after every event. NULL, or what is wrong with one of the images. `images` counts them.
 */
static inline const char *find_violation(struct crash_model *model, const struct in_place_fixture *fixture,
                                         const struct oracle *oracle, size_t *images) {
    static uint8_t image[MEDIUM_SIZE] __attribute__((aligned(8)));
    uint64_t number = 0;
    for (const struct vellum_recorded_event *event = next_event(fixture, NULL); event != NULL;
         event = next_event(fixture, event)) {
        apply_event(model, event);
        number++;
        for (size_t sample = 0; sample < SAMPLES; sample++) {
            build_image(model, sample, number, image);
            (*images)++;
            const char *wrong = judge(model, oracle, image);
            if (wrong != NULL) {
                return wrong;
            }
        }
    }
    return NULL;
}

#endif
