/*
 * The result of a job as clients get it: URLs signed anew at each read, texts, custom storage, and
 * the parts that `include` adds (spec jobs.md 2.3, 2.5, section 5).
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"
#define DAY_S 86400

static rpc_fixture f;
static char id[RF_UUID_LEN];

static void set_up(void)
{
    rpc_fixture_open(&f, NULL);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    rf_time_drive();
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_results, .init = set_up, .fini = tear_down);

/* Ends the attempt with these results. */
static void succeed(Job__V1__JobResult **results, size_t n)
{
    Job__V1__Success success = JOB__V1__SUCCESS__INIT;
    Job__V1__Finish item = JOB__V1__FINISH__INIT;
    Job__V1__Finish *items[] = {&item};
    Job__V1__FinishRequest request = JOB__V1__FINISH_REQUEST__INIT;
    success.results = results;
    success.n_results = n;
    item.job_id = id;
    item.fence = 1;
    item.outcome_case = JOB__V1__FINISH__OUTCOME_SUCCESS;
    item.success = &success;
    request.worker_id = (char *)"w";
    request.items = items;
    request.n_items = 1;
    Job__V1__FinishResponse *reply = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_FINISH, &request);
    cr_assert(reply->results[0]->accepted);
    rf_rpc_message_free(reply);
}

static void succeed_with_text(const char *output, const char *text)
{
    Job__V1__JobResult result = JOB__V1__JOB_RESULT__INIT;
    Job__V1__JobResult *results[] = {&result};
    result.output = (char *)(uintptr_t)output;
    result.value_case = JOB__V1__JOB_RESULT__VALUE_TEXT;
    result.text = (char *)(uintptr_t)text;
    succeed(results, 1);
}

static void succeed_with_file(const char *output, const char *extension)
{
    char key[128];
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    rpc_fixture_put(&f, key, "bytes");
    Job__V1__File file = JOB__V1__FILE__INIT;
    Job__V1__JobResult result = JOB__V1__JOB_RESULT__INIT;
    Job__V1__JobResult *results[] = {&result};
    file.object_key = key;
    file.extension = (char *)(uintptr_t)extension;
    file.content_type = (char *)"audio/wav";
    file.size = 5;
    result.output = (char *)(uintptr_t)output;
    result.value_case = JOB__V1__JOB_RESULT__VALUE_FILE;
    result.file = &file;
    succeed(results, 1);
}

/* The value of an output; the caller frees. */
static char *value_of(const char *output)
{
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_not_null(job, "%s", f.status.message);
    json_t *result = json_loads(job->result->text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_object(result), "Q4: %s", job->result->text);
    const char *value = json_string_value(json_object_get(result, output));
    cr_assert_not_null(value, "every value is a string: %s", job->result->text);
    char *copy = rf_strdup(value);
    json_decref(result);
    rf_rpc_message_free(job);
    return copy;
}

/* ---- texts ---- */

Test(rpc_results, texts_come_as_they_are)
{
    succeed_with_text("key", "C \xe2\x99\xaf \"minor\" \\ \n");
    RF_CLEANUP(rf_cleanup_free) char *value = value_of("key");
    cr_assert_str_eq(value, "C \xe2\x99\xaf \"minor\" \\ \n");
}

Test(rpc_results, an_empty_text_is_a_text)
{
    succeed_with_text("bpm", "");
    RF_CLEANUP(rf_cleanup_free) char *value = value_of("bpm");
    cr_assert_str_eq(value, "");
}

/* U8 */
Test(rpc_results, custom_storage_is_a_literal)
{
    Job__V1__JobResult result = JOB__V1__JOB_RESULT__INIT;
    Job__V1__JobResult *results[] = {&result};
    result.output = (char *)"vocals";
    result.value_case = JOB__V1__JOB_RESULT__VALUE_CUSTOM_STORAGE;
    result.custom_storage = 1;
    succeed(results, 1);
    RF_CLEANUP(rf_cleanup_free) char *value = value_of("vocals");
    cr_assert_str_eq(value, "[custom storage]");
}

/* ---- URLs ---- */

static int64_t expiry_of(const char *url)
{
    const char *e = strstr(url, "?e=");
    cr_assert_not_null(e, "%s", url);
    return strtoll(e + 3, NULL, 10);
}

Test(rpc_results, q3_names_are_escaped_in_the_last_segment_of_the_path)
{
    succeed_with_file("Kick drum_2-b", "flac");
    RF_CLEANUP(rf_cleanup_free) char *url = value_of("Kick drum_2-b");
    RF_CLEANUP(rf_cleanup_free)
    char *begin = rf_asprintf("%s/files/%s/Kick%%20drum_2-b.flac?e=", RPC_FIXTURE_BASE, id);
    cr_assert_eq(strncmp(url, begin, strlen(begin)), 0, "%s", url);
    cr_assert_not_null(strstr(url, "&k="));
    cr_assert_not_null(strstr(url, "&s="));
}

/* U6 */
Test(rpc_results, urls_are_signed_anew_at_each_read)
{
    succeed_with_file("file", "wav");
    RF_CLEANUP(rf_cleanup_free) char *first = value_of("file");
    cr_assert_eq(expiry_of(first), rf_time_wall_ms() / 1000 + DAY_S);
    rf_time_advance(3600 * RF_NS_PER_S);
    RF_CLEANUP(rf_cleanup_free) char *second = value_of("file");
    cr_assert_eq(expiry_of(second), expiry_of(first) + 3600);
    cr_assert_str_neq(first, second);
}

/* U6 */
Test(rpc_results, no_url_works_longer_than_the_file_is_kept)
{
    succeed_with_file("file", "wav");
    int64_t kept_until_s = rf_time_wall_ms() / 1000 + f.config.retention_s;
    rf_time_advance((f.config.retention_s - DAY_S / 2) * RF_NS_PER_S);
    RF_CLEANUP(rf_cleanup_free) char *url = value_of("file");
    cr_assert_eq(expiry_of(url), kept_until_s);
}

Test(rpc_results, s8_a_result_url_is_good_for_reading_its_own_file_only)
{
    succeed_with_file("file", "wav");
    RF_CLEANUP(rf_cleanup_free) char *url = value_of("file");
    static const struct {
        const char *method;
        const char *from;
        const char *to;
        job_url_kind kind;
    } rows[] = {
        {"GET", "", "", JOB_URL_FILE},
        {"PUT", "", "", JOB_URL_BAD},
        {"GET", "file.wav", "file.mp3", JOB_URL_BAD},
        {"GET", "?e=1", "?e=2", JOB_URL_BAD},
        {"GET", "&k=", "&k=9", JOB_URL_BAD},
        {"GET", "&s=", "&s=A", JOB_URL_BAD},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        const char *at = strstr(url, rows[i].from);
        cr_assert_not_null(at, "row %zu", i);
        RF_CLEANUP(rf_cleanup_free)
        char *altered =
            rf_asprintf("%.*s%s%s", (int)(at - url), url, rows[i].to, at + strlen(rows[i].from));
        job_arena arena = {.blocks = NULL};
        job_url found;
        job_urls_classify(f.service.urls, &arena, rows[i].method, altered, rf_time_wall_ms(),
                          &found);
        cr_assert_eq(found.kind, rows[i].kind, "row %zu: %s", i, altered);
        job_arena_done(&arena);
    }
}

/* ---- include ---- */

static Job__V1__Job *get_with(const char *include)
{
    Job__V1__GetJobRequest request = JOB__V1__GET_JOB_REQUEST__INIT;
    char *names[] = {(char *)(uintptr_t)include};
    request.id = id;
    request.include = names;
    request.n_include = 1;
    Job__V1__Job *job = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_JOB, &request);
    cr_assert_not_null(job, "%s", f.status.message);
    return job;
}

/* G6, R4 */
Test(rpc_results, attempts_are_told_with_times_and_causes)
{
    cr_assert(rpc_fixture_fail(&f, id, 1, "TIMEOUT", "x"));
    Job__V1__Job *job = get_with("attempts");
    json_t *list = json_loads(job->attempts->text, 0, NULL);
    cr_assert_eq(json_array_size(list), 1);
    json_t *attempt = json_array_get(list, 0);
    cr_assert_eq(json_integer_value(json_object_get(attempt, "attempt")), 1);
    cr_assert_str_eq(json_string_value(json_object_get(attempt, "state")), "ERROR");
    cr_assert_str_eq(json_string_value(json_object_get(attempt, "worker")), "w");
    cr_assert_str_eq(json_string_value(json_object_get(attempt, "code")), "TIMEOUT");
    cr_assert_eq(strlen(json_string_value(json_object_get(attempt, "startedAt"))), 24, "G6");
    cr_assert_eq(strlen(json_string_value(json_object_get(attempt, "endedAt"))), 24, "G6");
    json_decref(list);
    rf_rpc_message_free(job);
}

Test(rpc_results, a_running_attempt_has_no_end_and_no_code)
{
    Job__V1__Job *job = get_with("attempts");
    json_t *list = json_loads(job->attempts->text, 0, NULL);
    json_t *attempt = json_array_get(list, 0);
    cr_assert_str_eq(json_string_value(json_object_get(attempt, "state")), "LEASED");
    cr_assert(json_is_null(json_object_get(attempt, "endedAt")));
    cr_assert(json_is_null(json_object_get(attempt, "code")));
    json_decref(list);
    rf_rpc_message_free(job);
}

Test(rpc_results, progress_is_100_once_it_succeeded)
{
    Job__V1__Job *job = get_with("progress");
    cr_assert_str_eq(job->progress->text, "{\"attempt\":1,\"step\":null,\"percent\":0}");
    rf_rpc_message_free(job);
    succeed_with_text("bpm", "64");
    job = get_with("progress");
    cr_assert_not_null(strstr(job->progress->text, "\"percent\":100"), "%s", job->progress->text);
    rf_rpc_message_free(job);
}

Test(rpc_results, retention_is_told_in_seconds)
{
    Job__V1__Job *job = get_with("retention");
    cr_assert_str_eq(job->retention->text, "1209600");
    cr_assert_null(job->attempts);
    cr_assert_null(job->progress);
    cr_assert_null(job->priority);
    rf_rpc_message_free(job);
}
