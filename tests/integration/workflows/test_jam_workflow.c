/* Workflow reflection/jam through the real job service, worker and jam service. */
#include "platform.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define HEADER 44
#define FRAME 6 /* bytes: stereo, 24 bit */
#define WAIT_S 120

static platform *p;

static void setup(void)
{
    p = platform_start(NULL);
    platform_start_jam(p);
}

static void teardown(void)
{
    platform_stop(p);
}

TestSuite(jam_workflow, .init = setup, .fini = teardown, .timeout = 240);

static char *create(const char *params)
{
    char *id = platform_create(p, "reflection/jam", params);
    cr_assert_not_null(id, "%s", params);
    return id;
}

static json_t *wait_job(const char *id)
{
    RF_CLEANUP(rf_cleanup_free) char *text = platform_wait(p, id, WAIT_S);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert_not_null(j, "%s", text);
    return j;
}

static bool is_status(const json_t *job, const char *status)
{
    const char *text = json_string_value(json_object_get(job, "status"));
    return text != NULL && strcmp(text, status) == 0;
}

/* The file of a job that must succeed; the caller frees. */
static char *finish(const char *id, size_t *ret_len)
{
    json_t *j = wait_job(id);
    RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(j, 0);
    cr_assert(is_status(j, "SUCCEEDED"), "%s", text);
    json_decref(j);
    return platform_file(p, id, "audio.wav", ret_len);
}

static char *music(const char *params, size_t *ret_len)
{
    RF_CLEANUP(rf_cleanup_free) char *id = create(params);
    return finish(id, ret_len);
}

static double level_db(const char *file, size_t len)
{
    double sum = 0;
    for (size_t at = HEADER; at + 3 <= len; at += 3) {
        const uint8_t *b = (const uint8_t *)file + at;
        int32_t x = (int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24);
        sum += pow((double)x / 2147483648.0, 2);
    }
    return 10 * log10(sum / ((double)(len - HEADER) / 3));
}

Test(jam_workflow, a_job_gives_exactly_its_seconds_of_music)
{
    static const struct {
        const char *params;
        double seconds;
    } cases[] = {
        {"{\"styles\":\"jazz\"}", 30},
        {"{\"styles\":\"techno, jazz\",\"styleWeights\":\"1,0.5\",\"seconds\":\"7.77\"}", 7.77},
        {"{\"styles\":\"lofi\",\"seconds\":1,\"bpm\":90.5}", 1}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        size_t len;
        RF_CLEANUP(rf_cleanup_free) RF_UNUSED char *file = music(cases[i].params, &len);
        cr_expect_eq(len, HEADER + FRAME * (size_t)llround(cases[i].seconds * RATE), "%s: %zu",
                     cases[i].params, len);
        cr_expect_eq(memcmp(file, "RIFF", 4), 0);
        cr_expect_gt(level_db(file, len), -40, "%s", cases[i].params);
        cr_expect_lt(level_db(file, len), -6, "%s", cases[i].params);
    }
}

Test(jam_workflow, equal_parameters_and_seeds_give_equal_bytes)
{
    size_t len[3];
    RF_CLEANUP(rf_cleanup_free)
    char *a = music("{\"styles\":\"house\",\"seconds\":20,\"seed\":4}", &len[0]);
    RF_CLEANUP(rf_cleanup_free)
    char *b = music("{\"styles\":\"house\",\"seconds\":20,\"seed\":4}", &len[1]);
    RF_CLEANUP(rf_cleanup_free)
    char *c = music("{\"styles\":\"house\",\"seconds\":20,\"seed\":5}", &len[2]);
    cr_assert(len[0] == len[1] && len[0] == len[2]);
    cr_expect_eq(memcmp(a, b, len[0]), 0);
    cr_expect_neq(memcmp(a, c, len[0]), 0);
}

Test(jam_workflow, tempos_wider_than_those_of_a_session)
{
    static const char *const params[] = {"{\"styles\":\"jazz\",\"seconds\":5,\"bpm\":40}",
                                         "{\"styles\":\"jazz\",\"seconds\":5,\"bpm\":240}"};
    for (size_t i = 0; i < RF_ARRAY_LEN(params); i++) {
        size_t len;
        RF_CLEANUP(rf_cleanup_free) RF_UNUSED char *file = music(params[i], &len);
        cr_expect_eq(len, HEADER + FRAME * 5 * RATE);
    }
}

Test(jam_workflow, what_is_out_of_range_is_refused_when_the_job_is_made)
{
    static const char *const bad[] = {
        "{}",
        "{\"styles\":\"jazz\",\"seconds\":0.5}",
        "{\"styles\":\"jazz\",\"seconds\":601}",
        "{\"styles\":\"jazz\",\"bpm\":39}",
        "{\"styles\":\"jazz\",\"bpm\":241}",
        "{\"styles\":\"jazz\",\"seed\":-1}",
        "{\"styles\":\"jazz\",\"seed\":2147483648}",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        RF_CLEANUP(rf_cleanup_free) char *id = platform_create(p, "reflection/jam", bad[i]);
        cr_expect_null(id, "%s", bad[i]);
    }
}

Test(jam_workflow, what_the_jam_service_refuses_is_bad_input_in_its_words)
{
    RF_CLEANUP(rf_cleanup_free)
    char *id = create("{\"styles\":\"jazz\",\"styleWeights\":\"1,2\"}");
    json_t *j = wait_job(id);
    const char *message = json_string_value(json_object_get(j, "message"));
    cr_assert(is_status(j, "FAILED"));
    cr_assert_not_null(message);
    cr_expect_str_eq(json_string_value(json_object_get(j, "code")), "BAD_INPUT");
    cr_expect_not_null(strstr(message, "style_weights"), "%s", message);
    cr_expect_neq(message[0], '{', "%s", message);
    json_decref(j);
}

/* Only two renders run at a time; the others wait for their turn. */
Test(jam_workflow, many_jobs_at_once_all_succeed)
{
    char *ids[8];
    for (size_t i = 0; i < RF_ARRAY_LEN(ids); i++) {
        ids[i] = create("{\"styles\":\"techno\",\"seconds\":60}");
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(ids); i++) {
        size_t len;
        RF_CLEANUP(rf_cleanup_free) RF_UNUSED char *file = finish(ids[i], &len);
        cr_expect_eq(len, HEADER + FRAME * 60 * RATE);
        free(ids[i]);
    }
}

Test(jam_workflow, a_service_that_comes_late_does_the_job)
{
    platform_stop_jam(p, SIGTERM);
    RF_CLEANUP(rf_cleanup_free) char *id = create("{\"styles\":\"jazz\",\"seconds\":2}");
    usleep(2000000);
    platform_start_jam(p);
    size_t len;
    RF_CLEANUP(rf_cleanup_free) RF_UNUSED char *file = finish(id, &len);
    cr_expect_eq(len, HEADER + FRAME * 2 * RATE);
}

Test(jam_workflow, a_service_killed_at_work_is_tried_again)
{
    RF_CLEANUP(rf_cleanup_free)
    char *id = create("{\"styles\":\"jazz\",\"seconds\":600,\"seed\":1}");
    usleep(1000000);
    platform_stop_jam(p, SIGKILL);
    platform_start_jam(p);
    size_t len;
    RF_CLEANUP(rf_cleanup_free) RF_UNUSED char *file = finish(id, &len);
    cr_expect_eq(len, HEADER + FRAME * (size_t)600 * RATE);
}

/* The heartbeat tells the worker; the call ends, and the place is free for the next. */
Test(jam_workflow, a_cancelled_job_ends_its_render)
{
    char *ids[2];
    for (size_t i = 0; i < 2; i++) {
        ids[i] = create("{\"styles\":\"jazz\",\"seconds\":600}");
    }
    usleep(500000);
    for (size_t i = 0; i < 2; i++) {
        platform_cancel(p, ids[i]);
        json_t *j = wait_job(ids[i]);
        cr_expect(is_status(j, "FAILED"));
        json_decref(j);
        free(ids[i]);
    }
    int64_t begin_ns = rf_time_ns();
    size_t len;
    RF_CLEANUP(rf_cleanup_free)
    RF_UNUSED char *file = music("{\"styles\":\"jazz\",\"seconds\":1}", &len);
    cr_expect_lt(rf_time_ns() - begin_ns, 4 * RF_NS_PER_S);
}
