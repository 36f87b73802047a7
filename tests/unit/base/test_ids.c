#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(id, uuids_are_version_4_and_differ)
{
    char seen[1000][RF_UUID_LEN];
    for (size_t i = 0; i < RF_ARRAY_LEN(seen); i++) {
        cr_assert(rf_uuid4_valid(rf_uuid4(seen[i])), "%s", seen[i]);
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(seen[i], seen[j]);
        }
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted, so many ids of so many runs change their first 32 bits so many times. */
Test(id, uuids_beside_each_other_are_of_version_4_differ_and_lie_in_runs)
{
    enum { RUNS = 20 };
    static char seen[RUNS * RF_UUID_RUN][RF_UUID_LEN];
    for (size_t i = 0; i < RF_ARRAY_LEN(seen); i++) {
        cr_assert(rf_uuid4_valid(rf_uuid4_beside(seen[i])), "%s", seen[i]);
    }
    qsort(seen, RF_ARRAY_LEN(seen), sizeof(seen[0]), by_text);
    size_t n_runs = 1;
    for (size_t i = 1; i < RF_ARRAY_LEN(seen); i++) {
        cr_assert_str_neq(seen[i - 1], seen[i]);
        n_runs += memcmp(seen[i - 1], seen[i], 8) != 0;
    }
    cr_assert_leq(n_runs, RUNS + 1); /* this thread may have begun one before */
    cr_assert_geq(n_runs, RUNS);
}

Test(id, only_lower_case_version_4_is_valid)
{
    static const char *const bad[] = {
        "",
        "0b6f0000-0000-4000-8000-00000000000",
        "0b6f0000-0000-4000-8000-0000000000000",
        "0B6F0000-0000-4000-8000-000000000000",
        "0b6f0000-0000-7000-8000-000000000000", /* version 7, quirk Q2 */
        "0b6f0000-0000-4000-c000-000000000000",
        "0b6f0000x0000-4000-8000-000000000000",
        "../../../../../../../../../etc/passw",
    };
    cr_assert(rf_uuid4_valid("0b6f0000-0000-4000-8000-000000000000"));
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_not(rf_uuid4_valid(bad[i]), "%s", bad[i]);
    }
}

Test(id, bounded_numbers_cover_their_range)
{
    int counts[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t v = rf_random_u64(7);
        cr_assert_lt(v, 7);
        counts[v]++;
    }
    for (int i = 0; i < 7; i++) {
        cr_expect_gt(counts[i], 700, "number %d came %d times of 7000", i, counts[i]);
    }
}

Test(id, hex_is_lower_case)
{
    char out[9];
    rf_hex("\x00\x9f\xab\xff", 4, out);
    cr_assert_str_eq(out, "009fabff");
    uint8_t back[4];
    cr_assert_eq(rf_unhex(out, back, sizeof(back)), 0);
    cr_assert_arr_eq(back, "\x00\x9f\xab\xff", 4);
    cr_assert_eq(rf_unhex("00zz", back, 2), -EBADMSG);
}

Test(id, a_forked_child_draws_other_ids_than_its_parent)
{
    char warm[RF_UUID_LEN];
    char mine[RF_UUID_LEN];
    char theirs[RF_UUID_LEN] = "";
    int fds[2];
    rf_uuid4(warm); /* the parent has drawn ahead */
    cr_assert_eq(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        rf_uuid4(mine);
        _exit(write(fds[1], mine, sizeof(mine)) == (ssize_t)sizeof(mine) ? 0 : 1);
    }
    rf_uuid4(mine);
    cr_assert_eq(read(fds[0], theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert(rf_uuid4_valid(theirs));
    cr_assert_str_neq(mine, theirs);
}
