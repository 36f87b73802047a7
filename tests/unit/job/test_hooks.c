/*
 * Webhooks of jobs against a real receiver: what arrives, when, signed by whom, and what survives
 * (spec jobs.md section 5, webhook rules).
 */
#include "job_fixture.h"
#include "job_hooks.h"
#include "receiver.h"
#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job_retry.h"
#include "rf_time.h"

#define WAIT_MS 20000 /* of real time, for what must come */
#define QUIET_MS 80   /* and for what must not */

static fixture f;
static receiver target;
static rf_fetch *fetch;
static job_hooks *sender;

static void start(void)
{
    const rf_fetch_config config = {.allow_loopback = true};
    cr_assert_eq(rf_fetch_new(&config, &fetch, NULL), 0);
    cr_assert_eq(job_hooks_start(f.store, fetch, &sender), 0);
}

static void stop(void)
{
    sender = job_hooks_stop(sender);
    fetch = rf_fetch_free(fetch);
}

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    receiver_start(&target, NULL, NULL);
    start();
}

static void tear_down(void)
{
    stop();
    receiver_stop(&target);
    fixture_close(&f);
}

TestSuite(webhooks_of_jobs, .init = set_up, .fini = tear_down, .timeout = 120);

static void create_at(int port, const char *path, char id[RF_UUID_LEN])
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://127.0.0.1:%d%s", port, path);
    RF_CLEANUP(rf_cleanup_free) char *host = rf_asprintf("127.0.0.1:%d", port);
    job_op_create *op = fixture_request(&f);
    op->hook = (job_hook){.url = url, .host = host, .events = JOB_HOOK_DEFAULT};
    op->hook_secret = RECEIVER_SECRET_1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

static void create(const char *path, char id[RF_UUID_LEN])
{
    create_at(target.port, path, id);
}

static void succeed(const char *id)
{
    char claimed[RF_UUID_LEN];
    uint64_t fence = fixture_claim_one(&f, "w", claimed);
    cr_assert_str_eq(claimed, id);
    cr_assert(fixture_succeed(&f, id, fence));
    job_hooks_wake(sender);
}

static received next_request(void)
{
    received r;
    cr_assert(receiver_next(&target, WAIT_MS, &r), "no request came");
    return r;
}

static void expect_quiet(void)
{
    received r;
    cr_assert_not(receiver_next(&target, QUIET_MS, &r), "%s came too early", r.path);
}

/* What waits, by the store's own count. */
static job_op_stats *stats(void)
{
    job_op_stats *op = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static void wait_until_empty(void)
{
    for (int i = 0; i < WAIT_MS; i++) {
        job_op_stats *op = stats();
        int64_t n = op->hooks_waiting;
        job_op_free(&op->op);
        if (n == 0) {
            return;
        }
        usleep(1000);
    }
    cr_assert_fail("messages are left");
}

/* Waits until the n messages that wait have failed once more, the next try due after s seconds and
 * up to a tenth more; moves the clock there. */
static void until_next(int64_t n, int64_t attempts, int64_t s)
{
    int64_t now_ms = rf_time_wall_ms();
    RF_CLEANUP(rf_cleanup_free)
    char *query = rf_asprintf("SELECT count(*) FROM hook_messages WHERE attempts=%" PRId64
                              " AND due_ms BETWEEN %" PRId64 " AND %" PRId64,
                              attempts, now_ms + s * 1000, now_ms + s * 1100);
    for (int i = 0; i < WAIT_MS && sqlite_check_one(f.path, query) < n; i++) {
        usleep(1000);
    }
    cr_assert_eq(sqlite_check_one(f.path, query), n, "no try is due after %d s", (int)s);
    fixture_advance(s * 1000 - 1);
    job_hooks_wake(sender);
    expect_quiet();
    fixture_advance(s * 100 + 1);
    job_hooks_wake(sender);
}

/* W1 */
Test(webhooks_of_jobs, a_message_is_a_signed_post_with_the_payload_of_the_contract)
{
    char id[RF_UUID_LEN];
    char expected[80];
    create("/ok", id);
    int64_t before_s = rf_time_wall_ms() / 1000;
    succeed(id);
    received r = next_request();
    cr_assert_str_eq(r.path, "/ok");
    snprintf(expected, sizeof(expected), "%s/job.succeeded", id);
    cr_assert_str_eq(r.id, expected);
    cr_assert_eq(r.verified, 1, "the application's first secret");
    cr_assert_geq(r.timestamp_s, before_s);
    cr_assert_eq(strncmp(r.body, "{\"type\":\"job.succeeded\",\"timestamp\":\"", 37), 0, "%s",
                 r.body);
    wait_until_empty();
}

/* W1 */
Test(webhooks_of_jobs, both_secrets_sign_after_a_rotation)
{
    char id[RF_UUID_LEN];
    create("/ok", id);
    job_op_hook_rotate *op = JOB_OP_NEW(JOB_OP_HOOK_ROTATE, job_op_hook_rotate, NULL, NULL);
    op->app = f.app;
    op->secret = RECEIVER_SECRET_2;
    op->overlap_ms = JOB_HOOK_OVERLAP_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    succeed(id);
    cr_assert_eq(next_request().verified, 3);
    fixture_advance(JOB_HOOK_OVERLAP_MS);
    create("/ok", id);
    succeed(id);
    cr_assert_eq(next_request().verified, 2, "a day later the new one alone");
}

/* It fails all it is asked in the first hour: tries at once, after 5 s, 5 min and 30 min more. */
/* W3 */
Test(webhooks_of_jobs, a_receiver_that_was_down_for_an_hour_gets_all_of_them_as_scheduled)
{
    static const int64_t after_s[] = {5, 300, 1800, 7200};
    char ids[3][RF_UUID_LEN];
    for (size_t i = 0; i < 3; i++) {
        create("/flaky/12", ids[i]);
        succeed(ids[i]);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(after_s); i++) {
        for (size_t k = 0; k < 3; k++) {
            received r = next_request();
            cr_assert_eq(r.timestamp_s, rf_time_wall_ms() / 1000, "signed for this try");
            cr_assert_eq(r.verified, 1);
        }
        until_next(3, (int64_t)i + 1, after_s[i]);
    }
    for (size_t k = 0; k < 3; k++) {
        received r = next_request();
        cr_assert_eq(r.verified, 1);
        cr_assert_not_null(strstr(r.id, "/job.succeeded"));
    }
    wait_until_empty();
    expect_quiet();
}

/* W3 */
Test(webhooks_of_jobs, ten_tries_and_no_more)
{
    static const int64_t after_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    char id[RF_UUID_LEN];
    create("/status/500", id);
    succeed(id);
    for (size_t i = 0; i < RF_ARRAY_LEN(after_s); i++) {
        next_request();
        until_next(1, (int64_t)i + 1, after_s[i]);
    }
    next_request();
    wait_until_empty();
    expect_quiet();
}

/* W3: what is not answered within 20 s is a failure. */
Test(webhooks_of_jobs, a_try_lasts_20_s)
{
    char id[RF_UUID_LEN];
    struct timespec from;
    struct timespec to;
    create("/silent", id);
    clock_gettime(CLOCK_MONOTONIC, &from); /* real time: the clock that is driven stands still */
    succeed(id);
    next_request();
    for (int i = 0; i < 900; i++) {
        if (sqlite_check_one(f.path, "SELECT attempts FROM hook_messages") == 1) {
            break;
        }
        usleep(100000);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    cr_assert_geq(to.tv_sec - from.tv_sec, 19);
    until_next(1, 1, 5);
}

/* W3 */
Test(webhooks_of_jobs, a_410_ends_the_hook)
{
    char ids[2][RF_UUID_LEN];
    create("/status/410", ids[0]);
    create("/status/410", ids[1]);
    succeed(ids[0]);
    next_request();
    wait_until_empty();
    succeed(ids[1]);
    expect_quiet();
    wait_until_empty();
}

/* W4 */
Test(webhooks_of_jobs, what_was_in_flight_when_the_process_ended_is_sent_by_the_next)
{
    char id[RF_UUID_LEN];
    create("/silent", id);
    succeed(id);
    next_request();
    stop(); /* cuts the try */
    fixture_reopen(&f);
    fixture_advance(2000);
    start();
    cr_assert_eq(strncmp(next_request().id, id, RF_UUID_LEN - 1), 0);
}

Test(webhooks_of_jobs, a_slow_receiver_holds_up_no_other)
{
    received r;
    char id[RF_UUID_LEN];
    receiver other;
    receiver_start(&other, NULL, NULL);
    for (int i = 0; i < 6; i++) {
        create("/silent", id);
        succeed(id);
    }
    create_at(other.port, "/ok", id);
    succeed(id);
    cr_assert(receiver_next(&other, WAIT_MS, &r));
    cr_assert_eq(strncmp(r.id, id, RF_UUID_LEN - 1), 0);
    for (int i = 0; i < JOB_HOOKS_PER_HOST; i++) {
        cr_assert_leq(next_request().active, JOB_HOOKS_PER_HOST);
    }
    expect_quiet();
    receiver_stop(&other);
}

/* Any address that a user gave is guarded (S1, S3). */
Test(webhooks_of_jobs, s3_a_forbidden_address_is_not_connected_to)
{
    char id[RF_UUID_LEN];
    const rf_fetch_config config = {.allow_loopback = false};
    stop();
    cr_assert_eq(rf_fetch_new(&config, &fetch, NULL), 0);
    cr_assert_eq(job_hooks_start(f.store, fetch, &sender), 0);
    create("/ok", id);
    succeed(id);
    until_next(1, 1, 5);
    expect_quiet();
}

/* ---- the payload ---- */

static json_t *payload(const char *metadata, const char *batch, size_t *ret_len)
{
    rf_buf out;
    const job_hook_message m = {.type = "job.failed",
                                .job = "0b6f3c1e-1111-4222-8333-444455556666",
                                .status = JOB_FAILED,
                                .batch_name = batch,
                                .metadata = metadata,
                                .at_ms = 1767323045678};
    rf_buf_init(&out, 1 << 20);
    cr_assert_eq(job_hook_body(&m, &out), 0);
    *ret_len = out.len;
    json_t *json = json_loads(rf_buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", rf_buf_str(&out));
    rf_buf_done(&out);
    return json;
}

/* W2 */
Test(webhook_payload, has_the_fields_of_the_contract)
{
    size_t len;
    json_t *json = payload("{\"k\":\"v\"}", "a \"name\"", &len);
    const json_t *data = json_object_get(json, "data");
    cr_assert_str_eq(json_string_value(json_object_get(json, "type")), "job.failed");
    cr_assert_str_eq(json_string_value(json_object_get(json, "timestamp")),
                     "2026-01-02T03:04:05.678Z");
    cr_assert_str_eq(json_string_value(json_object_get(data, "id")),
                     "0b6f3c1e-1111-4222-8333-444455556666");
    cr_assert_str_eq(json_string_value(json_object_get(data, "status")), "FAILED");
    cr_assert_str_eq(json_string_value(json_object_get(data, "batchName")), "a \"name\"");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(data, "metadata"), "k")),
                     "v");
    cr_assert_eq(json_object_size(json), 3);
    cr_assert_eq(json_object_size(data), 4);
    json_decref(json);
}

/* W2 */
Test(webhook_payload, stays_below_20000_bytes_by_leaving_its_metadata_out)
{
    static char metadata[24000];
    size_t base;
    size_t len;
    json_t *json = payload("{}", NULL, &base);
    cr_assert(json_is_null(json_object_get(json_object_get(json, "data"), "batchName")));
    json_decref(json);
    for (size_t n = 19999 - base; n <= 20000 - base; n++) { /* what fits, and one byte more */
        memset(metadata, ' ', sizeof(metadata));
        memcpy(metadata, "{}", 2);
        metadata[n + 2] = '\0';
        json = payload(metadata, NULL, &len);
        bool fits = json_object_get(json_object_get(json, "data"), "metadata") != NULL;
        cr_assert_eq(fits, n == 19999 - base);
        cr_assert_lt(len, 20000);
        json_decref(json);
    }
}

/* X8 */
Test(webhook_payload, events_are_read_by_name)
{
    static const char *const all[] = {"job.started", "job.succeeded", "job.failed",
                                      "batch.completed"};
    static const char *const bad[] = {"job.failed", "job.flown"};
    const char *wrong = NULL;
    cr_assert_eq(job_hook_events(NULL, 0, &wrong), JOB_HOOK_SUCCEEDED | JOB_HOOK_FAILED);
    cr_assert_eq(job_hook_events(all, 4, &wrong), 15);
    cr_assert_eq(job_hook_events(all, 1, &wrong), JOB_HOOK_STARTED);
    cr_assert_eq(job_hook_events(bad, 2, &wrong), -EINVAL);
    cr_assert_str_eq(wrong, "job.flown");
}
