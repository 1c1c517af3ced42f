/* SPDX-License-Identifier: Apache-2.0 */
/* Moves between in place and a working image, among the providers of the host. relocate_cases.h has what all tuples
 * must do. */
#include "relocate_cases.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

static uint8_t *reserve_range(size_t length) {
    return reserve_somewhere(length);
}

/* For all tuples of a test: the one in force is prepared once more by a move. */
static bool without_userfaultfd;

static void make_tuples(void) {
    char reason[256];
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, without_userfaultfd);
    there_is_in_place(&vellum_vmm_host, &vellum_pagetable_host, without_userfaultfd);
    there_is(NULL, NULL, NULL, without_userfaultfd);
    if (without_userfaultfd) {
        return;
    }
    if (vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) == 0) {
        there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit, false);
    } else {
        printf("    without dirty-bit: %s\n", reason);
    }
}

/* ---- power cuts: everything of the medium is recorded ---- */

static struct crash_model *model;
static struct oracle oracle;

/* Everything so far is durable. */
static void look_from_here_on(struct fixture *fixture) {
    take_events(&fixture->medium);
    free(model);
    model = start_model(&fixture->medium);
    model->acknowledged = fixture->epoch;
}

/* In place, committed once. */
static struct fixture open_recorded(void) {
    struct fixture fixture = {.medium = create_in_place(reserve_somewhere), .pages = PAGES, .epoch = FIRST_EPOCH};
    fixture.region = fixture.medium.region;
    fixture.base = fixture.medium.base;
    map_view_and_batch(&fixture);
    attach_in_place(&fixture.medium, &vellum_vmm_host, &vellum_pagetable_host);
    make_tuples();
    store(&fixture.medium, 3, 8, 1);
    store(&fixture.medium, 40, 8, 1);
    fixture.epoch = commit_in_place(&fixture.medium).epoch;
    remember(&oracle, &fixture.medium, fixture.epoch);
    look_from_here_on(&fixture);
    return fixture;
}

static void leave(struct fixture *fixture) {
    struct vellum_recorder *recorder = fixture->medium.recorder;
    swap_to(fixture, &tuples[0]);
    CHECK(!is_in_place(fixture));
    CHECK_EQUAL(0, vellum_recorder_unwatch(recorder, fixture->base));
}

/* A crash while a store begins is the store's matter: until then its checkpoint says that the log counts. */
static void enter(struct fixture *fixture) {
    struct vellum_recorder *recorder = fixture->medium.recorder;
    begin_in_place(fixture);
    look_from_here_on(fixture);
    CHECK_EQUAL(0, try_swap(fixture, &tuples[1], relocation_in_place(fixture), ""));
    CHECK_EQUAL(0, vellum_recorder_watch(recorder, fixture->base, HOME_SIZE, MEDIUM, 0));
}

/* Whatever of the steps so far the medium has. */
static bool is_durable_at_home(const uint8_t *content) {
    for (size_t word = 0; word < HOME_SIZE / 8; word++) {
        uint64_t expected = word_at(content, 0, word * 8);
        bool is_durable = model->durable[word] == expected;
        for (size_t i = 0; i < model->count[word]; i++) {
            is_durable &= model->versions[word][i].value == expected;
        }
        if (!is_durable) {
            return false;
        }
    }
    return true;
}

static const char *find_violation_of_moves(struct fixture *fixture, size_t *images) {
    store(&fixture->medium, 3, 8, 2);
    store(&fixture->medium, 50, 16, 3);
    leave(fixture);
    take_events(&fixture->medium);
    const char *wrong = find_violation(model, &fixture->medium, &oracle, images);
    if (wrong == NULL && !is_durable_at_home(oracle.homes[fixture->epoch - FIRST_EPOCH])) {
        wrong = "the home image does not hold the committed content durably when the region has left it";
    }
    add_to(fixture, 40, 8, 5); /* to the working image: no step of the medium's */
    enter(fixture);
    store(&fixture->medium, 3, 8, 7);
    store(&fixture->medium, 90, 8, 7);
    fixture->epoch = commit_in_place(&fixture->medium).epoch;
    remember(&oracle, &fixture->medium, fixture->epoch);
    take_events(&fixture->medium);
    return wrong != NULL ? wrong : find_violation(model, &fixture->medium, &oracle, images);
}

static void no_power_cut_breaks_a_move(void) {
    struct fixture fixture = open_recorded();
    size_t images = 0;
    const char *wrong = find_violation_of_moves(&fixture, &images);
    if (wrong != NULL) {
        CHECK_FAIL("crash image %zu: %s", images, wrong);
    }
    CHECK(images > 300);
    CHECK_EQUAL(7, in_file(&fixture.medium, 3, 8));
    CHECK_EQUAL(6, in_file(&fixture.medium, 40, 8));
    CHECK_EQUAL(3, in_file(&fixture.medium, 50, 16));
}

static uint32_t left_out;
static void leave_one_out(void) {
    struct fixture fixture = open_recorded();
    size_t images = 0;
    vellum_recorder_leave_out(fixture.medium.recorder, left_out);
    exit(find_violation_of_moves(&fixture, &images) == NULL ? EXIT_SUCCESS : 99);
}

static void neither_fence_of_the_moves_can_be_left_out(void) {
    const uint32_t points[] = {VELLUM_PERSIST_PRE_IMAGE, VELLUM_PERSIST_MOVED_OUT};
    for (size_t i = 0; i < 2; i++) {
        left_out = points[i];
        int status = check_run_in_child(leave_one_out);
        if (!WIFEXITED(status) || WEXITSTATUS(status) == CHECK_EXIT_SKIPPED) {
            SKIP("there is no such medium");
        }
        if (WEXITSTATUS(status) != 99) {
            CHECK_FAIL("nothing breaks without \"%s\" (status %d)", vellum_persist_point_name(left_out), status);
        }
    }
}

/* ---- what does not work ---- */

static void a_move_to_where_the_region_is_is_refused(void) {
    struct fixture fixture = open_moving();
    CHECK_EQUAL(-EINVAL, try_swap(&fixture, &tuples[0], relocation_to_memory(&fixture), "has a working image already"));
    swap_to(&fixture, &tuples[1]);
    CHECK_EQUAL(-EINVAL, try_swap(&fixture, &tuples[1], relocation_in_place(&fixture), "written in place already"));
    check_it_goes_on(&fixture);
}

static void a_move_in_place_with_dirty_bit_is_refused(void) {
    struct fixture fixture = open_moving();
    struct providers dirty_bit = {&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit, false, true};
    add_to(&fixture, 5, 16, 1);
    begin_in_place(&fixture);
    CHECK_EQUAL(-EINVAL, try_swap(&fixture, &dirty_bit, relocation_in_place(&fixture), "dirty-bit"));
    end_in_place(&fixture);
    CHECK(!is_in_place(&fixture));
    check_it_goes_on(&fixture);
}

static void forbid_files_to_grow(struct fixture *fixture) {
    struct rlimit limit = {.rlim_cur = 5 * PAGE, .rlim_max = RLIM_INFINITY};
    add_to(fixture, 100, 24, 1); /* in a block that has no dirty page yet */
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQUAL(0, setrlimit(RLIMIT_FSIZE, &limit));
}

static void allow_files_to_grow(void) {
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    CHECK_EQUAL(0, setrlimit(RLIMIT_FSIZE, &limit));
}

/* EFBIG stands for what a memfd says where there is no memory. */
static void a_move_that_finds_no_memory_behind_the_gate_leaves_all_as_it_was(void) {
    struct fixture fixture = open_moving();
    swap_to(&fixture, &tuples[1]);
    add_to(&fixture, 5, 16, 1);
    struct providers next = surprising(&tuples[0], &fixture, forbid_files_to_grow);
    CHECK_EQUAL(-EFBIG, try_swap(&fixture, &next, relocation_to_memory(&fixture), "moved to a working image"));
    allow_files_to_grow();
    CHECK(is_in_place(&fixture));
    CHECK_EQUAL(1, add_to(&fixture, 5, 16, 0));
    CHECK_EQUAL(0, committed_word(&fixture, 5, 16));
    CHECK_EQUAL(0, committed_word(&fixture, 100, 24));
    CHECK(vellum_region_rollback(fixture.region) >= 2);
    check_all_is_committed(&fixture);
    check_it_goes_on(&fixture);
    swap_to(&fixture, &tuples[0]);
    check_it_goes_on(&fixture);
}

static void a_move_that_finds_no_memory_before_the_gate_leaves_all_as_it_was(void) {
    struct fixture fixture = open_moving();
    swap_to(&fixture, &tuples[1]);
    forbid_files_to_grow(&fixture);
    CHECK(try_swap(&fixture, &tuples[0], relocation_to_memory(&fixture), "moved to a working image") < 0);
    allow_files_to_grow();
    CHECK_EQUAL(0, committed_word(&fixture, 100, 24));
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    check_it_goes_on(&fixture);
}

/* Degrading that fails leaves the providers in force; without the move it cannot fail. */
static void degrading_that_cannot_move_the_region_leaves_its_providers(void) {
    struct fixture fixture = open_moving();
    struct vellum_swap swap;
    char reason[256] = "";
    swap_to(&fixture, &tuples[1]);
    forbid_files_to_grow(&fixture);
    CHECK(vellum_region_degrade(fixture.region, relocation_to_memory(&fixture), &swap, reason, sizeof(reason)) < 0);
    allow_files_to_grow();
    check_it_goes_on(&fixture);
    CHECK_EQUAL(0, vellum_region_degrade(fixture.region, NULL, &swap, reason, sizeof(reason)));
    CHECK(is_in_place(&fixture));
}

/*
 * From now on the kernel has no memory for mappings of the whole region with this protection, of files other than
 * this one. By seccomp: there is no other way of failing just there.
 */
static void refuse_mappings(uint32_t protection, uint32_t other_than) {
#define ARGUMENT(number) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[number]))
#define ALLOW_UNLESS(value, left) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, left)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW_UNLESS(SYS_mmap, 7),
        ARGUMENT(1),
        ALLOW_UNLESS(HOME_SIZE, 5),
        ARGUMENT(2),
        ALLOW_UNLESS(protection, 3),
        ARGUMENT(4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other_than, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
    CHECK_EQUAL(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_EQUAL(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* When blocks are mapped already. */
static void refuse_alias_of_working_file(struct fixture *fixture) {
    refuse_mappings(PROT_READ | PROT_WRITE, (uint32_t)fixture->medium.file);
}

static void a_move_to_memory_that_cannot_map_leaves_all_as_it_was(void) {
    struct fixture fixture = open_moving();
    swap_to(&fixture, &tuples[1]);
    add_to(&fixture, 5, 16, 1);
    add_to(&fixture, 60, 16, 1);
    struct providers next = surprising(&tuples[0], &fixture, refuse_alias_of_working_file);
    CHECK_EQUAL(-ENOMEM, try_swap(&fixture, &next, relocation_to_memory(&fixture), "moved to a working image"));
    CHECK(is_in_place(&fixture));
    add_to(&fixture, 5, 24, 2);
    CHECK_EQUAL(1, in_file(&fixture.medium, 5, 16)); /* it is the home image that is stored to */
    CHECK_EQUAL(2, in_file(&fixture.medium, 5, 24));
    CHECK_EQUAL(1, in_file(&fixture.medium, 60, 16));
    CHECK_EQUAL(0, committed_word(&fixture, 60, 16));
    CHECK(vellum_region_rollback(fixture.region) >= 2);
    check_all_is_committed(&fixture);
    check_it_goes_on(&fixture);
}

/* When the alias is mapped already. */
static void refuse_range_of_home_file(struct fixture *fixture) {
    (void)fixture;
    refuse_mappings(PROT_READ, UINT32_MAX);
}

static void a_move_in_place_that_cannot_map_leaves_all_as_it_was(void) {
    struct fixture fixture = open_moving();
    add_to(&fixture, 5, 16, 1);
    add_to(&fixture, 60, 16, 1);
    begin_in_place(&fixture);
    struct providers next = surprising(&tuples[0], &fixture, refuse_range_of_home_file);
    CHECK_EQUAL(-ENOMEM, try_swap(&fixture, &next, relocation_in_place(&fixture), "moved to its home image"));
    CHECK(!is_in_place(&fixture));
    CHECK_EQUAL(0, in_file(&fixture.medium, 5, 16)); /* put back */
    end_in_place(&fixture);
    CHECK_EQUAL(1, add_to(&fixture, 5, 16, 0));
    CHECK_EQUAL(1, add_to(&fixture, 60, 16, 0));
    CHECK(vellum_region_rollback(fixture.region) >= 2);
    check_all_is_committed(&fixture);
    check_it_goes_on(&fixture);
}

static void a_move_in_place_needs_no_mapping(void) {
    struct fixture fixture = open_moving();
    for (size_t page = 0; page < PAGES; page += 32) {
        add_to(&fixture, page, 16, 1);
    }
    begin_in_place(&fixture);
    struct providers next = surprising(&tuples[0], &fixture, use_up_mappings);
    CHECK_EQUAL(0, try_swap(&fixture, &next, relocation_in_place(&fixture), ""));
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    CHECK(is_in_place(&fixture));
    CHECK(vellum_region_rollback(fixture.region) >= PAGES / 32);
    check_it_goes_on(&fixture);
}

static void a_region_that_refuses_stores_goes_on_refusing_them_where_it_moves(void) {
    struct fixture fixture = open_moving();
    add_to(&fixture, 5, 8, 1);
    vellum_region_refuse_stores(fixture.region);
    struct vellum_fault stored = {
        .signal = SIGSEGV, .code = SEGV_ACCERR, .store = true, .address = fixture.base + 3 * PAGE};
    for (size_t i = 0; i < 4; i++) {
        swap_to(&fixture, &tuples[(i + 1) % 2]);
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, vellum_dispatcher()->serve(&stored));
        CHECK_EQUAL(0, read_mappings(fixture.base, HOME_SIZE).writable);
        CHECK_EQUAL(1, word_at(fixture.base, 5, 8));
    }
}

int main(void) {
    run_relocate_cases();
    RUN_ON_EACH_MEDIUM(no_power_cut_breaks_a_move);
    RUN_ON_EACH_MEDIUM(neither_fence_of_the_moves_can_be_left_out);
    RUN_ON_EACH_MEDIUM(a_move_to_where_the_region_is_is_refused);
    RUN_ON_EACH_MEDIUM(a_move_in_place_with_dirty_bit_is_refused);
    RUN_ON_EACH_MEDIUM(a_move_that_finds_no_memory_behind_the_gate_leaves_all_as_it_was);
    RUN_ON_EACH_MEDIUM(a_move_that_finds_no_memory_before_the_gate_leaves_all_as_it_was);
    RUN_ON_EACH_MEDIUM(degrading_that_cannot_move_the_region_leaves_its_providers);
    RUN_ON_EACH_MEDIUM(a_move_to_memory_that_cannot_map_leaves_all_as_it_was);
    RUN_ON_EACH_MEDIUM(a_move_in_place_that_cannot_map_leaves_all_as_it_was);
    RUN_ON_EACH_MEDIUM(a_move_in_place_needs_no_mapping);
    RUN_ON_EACH_MEDIUM(a_region_that_refuses_stores_goes_on_refusing_them_where_it_moves);
    RUN_ON_EACH_MEDIUM(a_region_that_is_swapped_again_and_again_takes_no_more_than_before);
    without_userfaultfd = true;
    medium_kind = IN_MEMORY; /* on others it is never used */
    printf("without userfaultfd:\n");
    RUN(stores_before_a_swap_stay_uncommitted_and_are_part_of_the_next_commit);
    RUN(rollback_after_a_swap_returns_to_the_last_commit);
    RUN(no_store_is_lost_while_the_region_moves);
    RUN(readers_see_the_content_and_nothing_else);
    return check_result();
}
