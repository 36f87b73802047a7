/*
 * The tables: states and events, names, retry decisions and delays, memory of operations.
 */
#include "job_lifecycle.h"
#include "job_op.h"
#include "job_retry.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* The whole of spec jobs.md 4.1, written out: state before, event, state after or -EPERM. */
static const struct {
    job_state from;
    job_event event;
    int to;
} table[] = {
    {JOB_NONE, JOB_EVENT_CREATE, JOB_QUEUED},    {JOB_NONE, JOB_EVENT_CLAIM, -EPERM},
    {JOB_NONE, JOB_EVENT_RETRY, -EPERM},         {JOB_NONE, JOB_EVENT_SUCCEED, -EPERM},
    {JOB_NONE, JOB_EVENT_FAIL, -EPERM},          {JOB_NONE, JOB_EVENT_CANCEL, -EPERM},
    {JOB_NONE, JOB_EVENT_EXPIRE, -EPERM},        {JOB_QUEUED, JOB_EVENT_CREATE, -EPERM},
    {JOB_QUEUED, JOB_EVENT_CLAIM, JOB_STARTED},  {JOB_QUEUED, JOB_EVENT_RETRY, -EPERM},
    {JOB_QUEUED, JOB_EVENT_SUCCEED, -EPERM},     {JOB_QUEUED, JOB_EVENT_FAIL, -EPERM},
    {JOB_QUEUED, JOB_EVENT_CANCEL, JOB_FAILED},  {JOB_QUEUED, JOB_EVENT_EXPIRE, JOB_FAILED},
    {JOB_STARTED, JOB_EVENT_CREATE, -EPERM},     {JOB_STARTED, JOB_EVENT_CLAIM, JOB_STARTED},
    {JOB_STARTED, JOB_EVENT_RETRY, JOB_STARTED}, {JOB_STARTED, JOB_EVENT_SUCCEED, JOB_SUCCEEDED},
    {JOB_STARTED, JOB_EVENT_FAIL, JOB_FAILED},   {JOB_STARTED, JOB_EVENT_CANCEL, JOB_FAILED},
    {JOB_STARTED, JOB_EVENT_EXPIRE, -EPERM},     {JOB_SUCCEEDED, JOB_EVENT_CREATE, -EPERM},
    {JOB_SUCCEEDED, JOB_EVENT_CLAIM, -EPERM},    {JOB_SUCCEEDED, JOB_EVENT_RETRY, -EPERM},
    {JOB_SUCCEEDED, JOB_EVENT_SUCCEED, -EPERM},  {JOB_SUCCEEDED, JOB_EVENT_FAIL, -EPERM},
    {JOB_SUCCEEDED, JOB_EVENT_CANCEL, -EPERM},   {JOB_SUCCEEDED, JOB_EVENT_EXPIRE, -EPERM},
    {JOB_FAILED, JOB_EVENT_CREATE, -EPERM},      {JOB_FAILED, JOB_EVENT_CLAIM, -EPERM},
    {JOB_FAILED, JOB_EVENT_RETRY, -EPERM},       {JOB_FAILED, JOB_EVENT_SUCCEED, -EPERM},
    {JOB_FAILED, JOB_EVENT_FAIL, -EPERM},        {JOB_FAILED, JOB_EVENT_CANCEL, -EPERM},
    {JOB_FAILED, JOB_EVENT_EXPIRE, -EPERM},
};

Test(lifecycle, every_state_and_event_is_as_the_table_says)
{
    cr_assert_eq(RF_ARRAY_LEN(table), JOB_N_STATES * JOB_N_EVENTS);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        cr_assert_eq(job_lifecycle_next(table[i].from, table[i].event), table[i].to, "%s + %s",
                     job_state_name(table[i].from), job_event_name(table[i].event));
    }
}

Test(lifecycle, succeeded_and_failed_are_final)
{
    cr_assert(job_state_final(JOB_SUCCEEDED));
    cr_assert(job_state_final(JOB_FAILED));
    cr_assert_not(job_state_final(JOB_QUEUED));
    cr_assert_not(job_state_final(JOB_STARTED));
}

Test(lifecycle, names_of_states_are_read_back)
{
    static const char *const names[] = {"QUEUED", "STARTED", "SUCCEEDED", "FAILED"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        job_state state;
        cr_assert_eq(job_state_parse(names[i], &state), 0);
        cr_assert_str_eq(job_state_name(state), names[i]);
    }
    static const char *const wrong[] = {"", "queued", "NONE", "QUEUED ", "CANCELLED"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        job_state state = JOB_NONE;
        cr_assert_eq(job_state_parse(wrong[i], &state), -EINVAL);
        cr_assert_eq(state, JOB_NONE);
    }
}

Test(lifecycle, names_of_pools_are_read_back)
{
    for (int i = 0; i < JOB_N_POOLS; i++) {
        job_pool pool;
        cr_assert_eq(job_pool_parse(job_pool_name((job_pool)i), &pool), 0);
        cr_assert_eq((int)pool, i);
    }
    job_pool pool;
    cr_assert_eq(job_pool_parse("tpu", &pool), -EINVAL);
}

Test(lifecycle, attempts_have_names)
{
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_LEASED), "LEASED");
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_RUNNING), "RUNNING");
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_DONE), "DONE");
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_ERROR), "ERROR");
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_LOST), "LOST");
    cr_assert_str_eq(job_attempt_state_name(JOB_ATTEMPT_RELEASED), "RELEASED");
}

/* ---- retries ---- */

static const struct {
    const char *code;
    bool crash;
    uint32_t retries;
    uint32_t crashes;
    bool retry;
    bool dead;
    const char *final_code;
} decisions[] = {
    {"BAD_INPUT", false, 0, 0, false, false, "BAD_INPUT"},
    {"BAD_INPUT", false, 3, 1, false, false, "BAD_INPUT"},
    {"INTERNAL_ERROR", false, 0, 0, true, false, "INTERNAL_ERROR"},
    {"INTERNAL_ERROR", false, 2, 0, true, false, "INTERNAL_ERROR"},
    {"INTERNAL_ERROR", false, 3, 0, false, true, "INTERNAL_ERROR"},
    {"TIMEOUT", false, 0, 0, true, false, "TIMEOUT"},
    {"TIMEOUT", false, 3, 0, false, true, "TIMEOUT"},
    {"INTERNAL_ERROR", true, 0, 0, true, false, "INTERNAL_ERROR"},
    {"BAD_INPUT", true, 0, 0, true, false, "INTERNAL_ERROR"},
    {"INTERNAL_ERROR", true, 1, 1, false, false, "BAD_INPUT"},
    {"INTERNAL_ERROR", true, 3, 0, false, true, "INTERNAL_ERROR"},
    {"CANCELLED", false, 0, 0, false, false, "CANCELLED"},
    {"CANCELLED", true, 3, 0, false, false, "CANCELLED"},
    {"SOMETHING", false, 0, 0, true, false, "INTERNAL_ERROR"},
    {"", false, 3, 0, false, true, "INTERNAL_ERROR"},
};

/* R1, R2 */
Test(retries, decisions_follow_section_4_3)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(decisions); i++) {
        const job_failure failure = {.code = decisions[i].code,
                                     .message = "m",
                                     .decoder_crash = decisions[i].crash,
                                     .retries_used = decisions[i].retries,
                                     .crashes_before = decisions[i].crashes};
        job_verdict v = job_retry_decide(&failure);
        cr_assert_eq(v.retry, decisions[i].retry, "row %zu", i);
        cr_assert_eq(v.dead_letter, decisions[i].dead, "row %zu", i);
        cr_assert_str_eq(v.code, decisions[i].final_code, "row %zu", i);
    }
}

/* R3 */
Test(retries, delays_are_uniform_up_to_their_limit)
{
    static const int64_t limits_ms[] = {5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000};
    for (uint32_t n = 1; n <= RF_ARRAY_LEN(limits_ms); n++) {
        int64_t limit_ms = limits_ms[n - 1];
        int64_t largest = 0;
        int64_t smallest = limit_ms;
        int64_t sum = 0;
        for (int i = 0; i < 4000; i++) {
            int64_t delay_ms = job_retry_delay_ms(n);
            cr_assert_geq(delay_ms, 0);
            cr_assert_leq(delay_ms, limit_ms);
            largest = RF_MAX(largest, delay_ms);
            smallest = RF_MIN(smallest, delay_ms);
            sum += delay_ms;
        }
        cr_assert_gt(largest, limit_ms * 9 / 10);
        cr_assert_lt(smallest, limit_ms / 10);
        cr_assert_float_eq((double)sum / 4000 / (double)limit_ms, 0.5, 0.04);
    }
}

Test(retries, codes_have_titles)
{
    cr_assert_str_eq(job_code_title("BAD_INPUT"), "Invalid input");
    cr_assert_str_eq(job_code_title("INTERNAL_ERROR"), "Internal error");
    cr_assert_str_eq(job_code_title("TIMEOUT"), "Timeout");
    cr_assert_str_eq(job_code_title("CANCELLED"), "Cancelled");
}

/* ---- operations ---- */

Test(operations, arenas_keep_many_sizes_apart)
{
    job_arena arena = {.blocks = NULL};
    char *texts[200];
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        texts[i] = job_arena_alloc(&arena, i * 37 + 1);
        memset(texts[i], (int)i, i * 37 + 1);
        cr_assert_eq((uintptr_t)texts[i] % _Alignof(max_align_t), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < i * 37 + 1; k++) {
            cr_assert_eq((unsigned char)texts[i][k], i);
        }
    }
    job_arena_done(&arena);
    cr_assert_null(arena.blocks);
    job_arena_done(&arena);
}

Test(operations, arena_strings)
{
    job_arena arena = {.blocks = NULL};
    cr_assert_null(job_arena_str(&arena, NULL));
    cr_assert_str_eq(job_arena_str(&arena, "abc"), "abc");
    cr_assert_str_eq(job_arena_strn(&arena, "abcdef", 2), "ab");
    cr_assert_str_eq(job_arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    cr_assert_not_null(job_arena_array(&arena, 0, 8));
    job_arena_done(&arena);
}

Test(operations, writes_come_before_reads_in_the_list_of_kinds)
{
    cr_assert(job_op_is_write(JOB_OP_CREATE));
    cr_assert(job_op_is_write(JOB_OP_SWEEP_DONE));
    cr_assert_not(job_op_is_write(JOB_OP_GET));
    cr_assert_not(job_op_is_write(JOB_OP_STATS));
}

Test(operations, outages_are_told_from_answers)
{
    cr_assert(job_op_is_outage(-EIO));
    cr_assert(job_op_is_outage(-EAGAIN));
    cr_assert(job_op_is_outage(-ENOSPC));
    cr_assert_not(job_op_is_outage(0));
    cr_assert_not(job_op_is_outage(-ENOENT));
    cr_assert_not(job_op_is_outage(-EEXIST));
    cr_assert_not(job_op_is_outage(-ESTALE));
    cr_assert_null(job_op_free(NULL));
}
