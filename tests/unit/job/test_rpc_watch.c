/*
 * Those who wait for a job: GetJobStatus as a long poll, WatchJob (spec jobs.md section 5).
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "rf_time.h"

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"
#define LONG_MS 60000

static rpc_fixture f;
static char id[RF_UUID_LEN];

static void set_up(void)
{
    rpc_fixture_open(&f, NULL);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_watch, .init = set_up, .fini = tear_down);

/* ---- long polls ---- */

typedef struct waiting {
    pthread_t thread;
    const char *id;
    const char *tenant;
    uint32_t wait_ms;
    rf_status status;
    int state; /* 0: none came */
} waiting;

static void *ask(void *arg)
{
    waiting *w = arg;
    Job__V1__GetJobStatusRequest request = JOB__V1__GET_JOB_STATUS_REQUEST__INIT;
    const rf_rpc_options options = {.tenant = w->tenant,
                                    .deadline_ns = rf_time_ns() + 120 * RF_NS_PER_S};
    ProtobufCMessage *reply = NULL;
    request.id = (char *)(uintptr_t)w->id;
    request.wait_ms = w->wait_ms;
    if (rf_rpc_invoke(f.channel, JOB_V1_JOB_SERVICE_GET_JOB_STATUS, &options, &request.base, &reply,
                      &w->status) == 0) {
        w->state = (int)((Job__V1__GetJobStatusResponse *)reply)->status;
    }
    rf_rpc_message_free(reply);
    return NULL;
}

static void begin(waiting *w, uint32_t wait_ms)
{
    *w = (waiting){.id = id, .tenant = f.app, .wait_ms = wait_ms};
    size_t before = job_watch_count(f.service.watch);
    cr_assert_eq(pthread_create(&w->thread, NULL, ask, w), 0);
    while (job_watch_count(f.service.watch) == before) {
        usleep(1000);
    }
}

static int end(waiting *w)
{
    pthread_join(w->thread, NULL);
    return w->state;
}

static uint64_t claim(void)
{
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    uint64_t fence = claims->claims[0]->fence;
    rf_rpc_message_free(claims);
    return fence;
}

static int now(uint32_t wait_ms)
{
    waiting w = {.id = id, .tenant = f.app, .wait_ms = wait_ms};
    ask(&w);
    return w.state;
}

/* X5 */
Test(rpc_watch, a_long_poll_ends_with_the_first_change_of_the_state)
{
    waiting w[20];
    for (size_t i = 0; i < RF_ARRAY_LEN(w); i++) {
        begin(&w[i], LONG_MS);
    }
    uint64_t fence = claim();
    for (size_t i = 0; i < RF_ARRAY_LEN(w); i++) {
        cr_assert_eq(end(&w[i]), JOB__V1__JOB_STATUS__STARTED);
    }
    begin(&w[0], LONG_MS);
    cr_assert(rpc_fixture_finish(&f, id, fence, "file", NULL));
    cr_assert_eq(end(&w[0]), JOB__V1__JOB_STATUS__SUCCEEDED);
    cr_assert_eq(job_watch_count(f.service.watch), 0);
}

/* X5 */
Test(rpc_watch, a_long_poll_on_a_final_job_is_answered_at_once)
{
    cr_assert(rpc_fixture_finish(&f, id, claim(), "file", NULL));
    cr_assert_eq(now(LONG_MS), JOB__V1__JOB_STATUS__SUCCEEDED);
    rpc_fixture_reopen(&f);
    cr_assert_eq(now(LONG_MS), JOB__V1__JOB_STATUS__SUCCEEDED, "not from the cache");
}

Test(rpc_watch, a_long_poll_ends_after_its_time_with_the_state_as_it_is)
{
    int64_t begun_ns = rf_time_ns();
    cr_assert_eq(now(300), JOB__V1__JOB_STATUS__QUEUED);
    cr_assert_geq(rf_time_ns() - begun_ns, 300 * RF_NS_PER_MS);
    rpc_fixture_reopen(&f);
    cr_assert_eq(now(10), JOB__V1__JOB_STATUS__QUEUED, "not from the cache");
}

Test(rpc_watch, deleting_a_job_cancels_it_for_those_who_wait)
{
    waiting w;
    begin(&w, LONG_MS);
    Job__V1__DeleteJobRequest request = JOB__V1__DELETE_JOB_REQUEST__INIT;
    request.id = id;
    rf_rpc_message_free(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_DELETE_JOB, &request));
    cr_assert_eq(end(&w), JOB__V1__JOB_STATUS__FAILED);
    cr_assert_eq(now(LONG_MS), 0, "from the answer on there is none");
}

Test(rpc_watch, s7_a_long_poll_of_another_application_finds_none)
{
    waiting w = {.id = id, .tenant = "0b6f3c1e-1111-4222-8333-444455556666", .wait_ms = LONG_MS};
    ask(&w);
    cr_assert_eq(w.status.code, RF_NOT_FOUND);
    w = (waiting){.id = "0b6f3c1e-1111-4222-8333-444455556666", .tenant = f.app, .wait_ms = 100};
    ask(&w);
    cr_assert_eq(w.status.code, RF_NOT_FOUND);
}

Test(rpc_watch, a_long_poll_above_60_s_is_refused)
{
    waiting w = {.id = id, .tenant = f.app, .wait_ms = 60001};
    ask(&w);
    cr_assert_eq(w.status.code, RF_INVALID_ARGUMENT);
}

Test(rpc_watch, a_service_that_drains_answers_those_who_wait)
{
    waiting w;
    begin(&w, LONG_MS);
    job_watch_drain(f.service.watch);
    cr_assert_eq(end(&w), JOB__V1__JOB_STATUS__QUEUED);
}

/* ---- streams ---- */

static rf_rpc_stream *listen_after(int64_t after)
{
    Job__V1__WatchJobRequest request = JOB__V1__WATCH_JOB_REQUEST__INIT;
    const rf_rpc_options options = {.tenant = f.app, .deadline_ns = RF_NEVER_NS};
    rf_rpc_stream *s = rf_rpc_stream_open(f.channel, JOB_V1_JOB_SERVICE_WATCH_JOB, &options);
    request.id = id;
    request.after = after;
    cr_assert_eq(rf_rpc_stream_send(s, &request.base, NULL), 0);
    return s;
}

/* The next message's events; false at the end. */
static bool next(rf_rpc_stream *s, char *out, size_t size)
{
    rf_rpc_item *item;
    if (rf_rpc_stream_recv(s, &item) != 1) {
        return false;
    }
    cr_assert_lt(item->msg.attachment_len, size);
    memcpy(out, item->msg.attachment, item->msg.attachment_len);
    out[item->msg.attachment_len] = '\0';
    rf_rpc_item_free(item);
    return true;
}

static void beat(uint64_t fence, uint32_t percent)
{
    Job__V1__LeaseState lease = JOB__V1__LEASE_STATE__INIT;
    Job__V1__LeaseState *leases = &lease;
    Job__V1__HeartbeatRequest request = JOB__V1__HEARTBEAT_REQUEST__INIT;
    lease.job_id = id;
    lease.fence = fence;
    lease.step = (char *)"copy";
    lease.percent = percent;
    request.worker_id = (char *)"w";
    request.pool = (char *)"cpu";
    request.leases = &leases;
    request.n_leases = 1;
    void *reply = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_HEARTBEAT, &request);
    cr_assert_not_null(reply);
    rf_rpc_message_free(reply);
}

/* X6 */
Test(rpc_watch, a_stream_tells_of_a_job_up_to_its_end)
{
    char text[4096];
    rf_rpc_stream *s = listen_after(0);
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_str_eq(text, "id: 1\nevent: status\ndata: {\"status\":\"QUEUED\",\"attempt\":0}\n\n");
    uint64_t fence = claim();
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_str_eq(text, "id: 65536\nevent: status\ndata: {\"status\":\"STARTED\",\"attempt\":1,"
                           "\"progress\":0}\n\n");
    beat(fence, 42);
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_str_eq(text,
                     "id: 65537\nevent: progress\ndata: {\"status\":\"STARTED\",\"attempt\":1,"
                     "\"step\":\"copy\",\"progress\":42}\n\n");
    cr_assert(rpc_fixture_finish(&f, id, fence, "file", NULL));
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_str_eq(text, "id: 131071\nevent: status\ndata: {\"status\":\"SUCCEEDED\",\"attempt\":"
                           "1,\"progress\":100}\n\n");
    cr_assert_not(next(s, text, sizeof(text)));
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_OK);
    rf_rpc_stream_free(s);
}

/* X6 */
Test(rpc_watch, a_resume_from_the_final_event_ends_without_a_message)
{
    char text[4096];
    cr_assert(rpc_fixture_finish(&f, id, claim(), "file", NULL));
    rf_rpc_stream *s = listen_after(131071);
    cr_assert_not(next(s, text, sizeof(text)));
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_OK);
    rf_rpc_stream_free(s);
    s = listen_after(1);
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 65536\n"));
    cr_assert_not_null(strstr(text, "id: 131071\n"), "all that was missed, at once");
    cr_assert_not(next(s, text, sizeof(text)));
    rf_rpc_stream_free(s);
}

/* X6 */
Test(rpc_watch, a_stream_tells_4_events_a_second_at_most)
{
    char text[4096];
    rf_rpc_stream *s = listen_after(0);
    cr_assert(next(s, text, sizeof(text)));
    uint64_t fence = claim();
    int64_t begun_ns = rf_time_ns();
    for (uint32_t i = 1; i <= 8; i++) {
        beat(fence, i * 10);
        usleep(260000);
    }
    cr_assert(rpc_fixture_finish(&f, id, fence, "file", NULL));
    int64_t n = 1;
    while (next(s, text, sizeof(text))) {
        for (const char *p = text; (p = strstr(p, "id: ")) != NULL; p++) {
            n++;
        }
    }
    cr_assert_not_null(strstr(text, "SUCCEEDED"));
    int64_t windows = (rf_time_ns() - begun_ns) / RF_NS_PER_S + 1;
    cr_assert_leq(n, 4 * (windows + 1), "%d events in %d s", (int)n, (int)windows);
    cr_assert_geq(n, 5);
    rf_rpc_stream_free(s);
}

Test(rpc_watch, a_stream_that_is_left_is_forgotten)
{
    char text[4096];
    rf_rpc_stream *s = listen_after(0);
    cr_assert(next(s, text, sizeof(text)));
    cr_assert_eq(job_watch_count(f.service.watch), 1);
    rf_rpc_stream_free(s);
    for (int i = 0; i < 10000 && job_watch_count(f.service.watch) > 0; i++) {
        usleep(1000);
    }
    cr_assert_eq(job_watch_count(f.service.watch), 0);
}

Test(rpc_watch, a_stream_ends_when_the_service_drains_or_the_job_is_gone)
{
    char text[4096];
    rf_rpc_stream *s = listen_after(0);
    cr_assert(next(s, text, sizeof(text)));
    job_watch_drain(f.service.watch);
    cr_assert_not(next(s, text, sizeof(text)));
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_UNAVAILABLE);
    rf_rpc_stream_free(s);
    rpc_fixture_reopen(&f);
    s = listen_after(0);
    cr_assert(next(s, text, sizeof(text)));
    Job__V1__DeleteJobRequest request = JOB__V1__DELETE_JOB_REQUEST__INIT;
    request.id = id;
    rf_rpc_message_free(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_DELETE_JOB, &request));
    cr_assert_not(next(s, text, sizeof(text)));
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_NOT_FOUND);
    rf_rpc_stream_free(s);
}

/* ---- several replicas on one database, which hear each other through the bus ---- */

static void hearing(job_config *config)
{
    config->events_hear = true;
}

static void open_two(rpc_fixture *g)
{
    rpc_fixture_open(&f, hearing);
    rpc_fixture_join(g, &f, hearing);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
}

static rf_rpc_stream *listen_at(rpc_fixture *where, int64_t after)
{
    rf_rpc_channel *own = f.channel;
    f.channel = where->channel;
    rf_rpc_stream *s = listen_after(after);
    f.channel = own;
    return s;
}

Test(rpc_replicas, a_long_poll_of_one_replica_ends_with_a_change_at_another)
{
    static rpc_fixture g;
    open_two(&g);
    rf_rpc_channel *own = f.channel;
    Job__V1__GetJobStatusRequest request = JOB__V1__GET_JOB_STATUS_REQUEST__INIT;
    request.id = id;
    rf_rpc_message_free(rpc_fixture_call(&g, JOB_V1_JOB_SERVICE_GET_JOB_STATUS, &request));
    f.channel = g.channel;
    waiting w = {.id = id, .tenant = f.app, .wait_ms = LONG_MS};
    cr_assert_eq(pthread_create(&w.thread, NULL, ask, &w), 0);
    while (job_watch_count(g.service.watch) == 0) {
        usleep(1000);
    }
    f.channel = own;
    claim();
    cr_assert_eq(end(&w), JOB__V1__JOB_STATUS__STARTED);
    rpc_fixture_leave(&g);
    rpc_fixture_close(&f);
}

Test(rpc_replicas, a_listener_may_go_on_at_another_replica_with_the_same_ids)
{
    static rpc_fixture g;
    char text[4096];
    open_two(&g);
    rf_rpc_stream *here = listen_at(&f, 0);
    rf_rpc_stream *there = listen_at(&g, 0);
    cr_assert(next(here, text, sizeof(text)) && next(there, text, sizeof(text)));
    uint64_t fence = claim();
    cr_assert(next(here, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 65536\n"));
    cr_assert(next(there, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 65536\n"), "the same id: %s", text);
    rf_rpc_stream_free(here);
    beat(fence, 10);
    cr_assert(next(there, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 65537\n"), "%s", text);
    here = listen_at(&g, 65536);
    cr_assert(next(here, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 65537\n"), "resumed elsewhere: %s", text);
    cr_assert(rpc_fixture_finish(&f, id, fence, "file", NULL));
    cr_assert(next(there, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 131071\n"), "%s", text);
    cr_assert(next(here, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "id: 131071\n"), "%s", text);
    rf_rpc_stream_free(here);
    rf_rpc_stream_free(there);
    rpc_fixture_leave(&g);
    rpc_fixture_close(&f);
}
