/*
 * Webhooks from outside: the field of POST /job, the secret, a message that arrives (spec jobs.md
 * section 5).
 */
#include "client.h"
#include "fixture.h"
#include "receiver.h"
#include "rf_base.h"
#include "rf_webhook_sign.h"
#include "worker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define JSON "Content-Type: application/json\r\n"
#define BODY                                                                                       \
    "{\"name\":\"one\",\"workflow\":\"sdk-test\",\"params\":{\"file\":\"https://h.example/x\"}%s}"

static void setup(void)
{
    static const char *const job_args[] = {"--fetch.allow_loopback=true", NULL};
    fixture_start(NULL, job_args);
}

/* POST /job with that much more in its body. */
static answer create_with(const char *more)
{
    char body[1024];
    snprintf(body, sizeof(body), BODY, more);
    return client_call("POST", "/v1/job", NULL, JSON, body);
}

/* X8 */
Test(webhook, the_field_of_a_job_is_checked, .init = setup, .fini = fixture_stop)
{
    static const struct {
        const char *more;
        int status;
        const char *says;
    } cases[] = {
        {",\"webhook\":null", 200, ""},
        {",\"webhook\":{\"url\":\"https://h.example/hook\"}", 200, ""},
        {",\"webhook\":{\"url\":\"https://h.example/hook\",\"events\":[\"job.started\"]}", 200, ""},
        {",\"webhook\":\"https://h.example/hook\"", 400, "webhook must be an object"},
        {",\"webhook\":{}", 400, "webhook must be an object"},
        {",\"webhook\":{\"url\":7}", 400, "webhook must be an object"},
        {",\"webhook\":{\"url\":\"https://h/x\",\"events\":\"job.failed\"}", 400, "an array"},
        {",\"webhook\":{\"url\":\"https://h/x\",\"events\":[7]}", 400, "webhook.events"},
        {",\"webhook\":{\"url\":\"https://h/x\",\"events\":[]}", 422, "webhook.events"},
        {",\"webhook\":{\"url\":\"https://h/x\",\"events\":[\"job.flown\"]}", 422, "job.flown"},
        {",\"webhook\":{\"url\":\"ftp://h/x\"}", 422, "webhook.url must be"},
        {",\"webhook\":{\"url\":\"https://u:p@h/x\"}", 422, "webhook.url must be"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        answer a = create_with(cases[i].more);
        cr_expect_eq(a.status, cases[i].status, "%s: %d %s", cases[i].more, a.status, a.body);
        cr_expect_not_null(strstr(a.body, cases[i].says), "%s: %s", cases[i].more, a.body);
        answer_done(&a);
    }
}

static void new_secret(const char *path, bool first, char secret[128])
{
    answer a = client_call("POST", path, NULL, NULL, NULL);
    cr_assert_eq(a.status, 200, "%d: %s", a.status, a.body);
    json_text(&a, "secret", secret, 128);
    cr_assert(rf_webhook_secret_valid(secret), "%s", secret);
    cr_assert_eq(strstr(a.body, "\"previousUntil\":null") != NULL, first, "%s", a.body);
    answer_done(&a);
}

/* W1 */
Test(webhook, the_secret_of_an_application_is_rotated, .init = setup, .fini = fixture_stop)
{
    char secrets[2][128];
    new_secret("/v1/application/webhook-secret", true, secrets[0]);
    new_secret("/api/application/webhook-secret", false, secrets[1]);
    cr_assert_str_neq(secrets[0], secrets[1]);
    answer a = client_call("POST", "/v1/application/webhook-secret", "", NULL, NULL);
    cr_expect_eq(a.status, 401);
    answer_done(&a);
    a = client_call("GET", "/v1/application/webhook-secret", NULL, NULL, NULL);
    cr_expect_eq(a.status, 405);
    answer_done(&a);
}

/* X8 */
Test(webhook, a_message_arrives_when_the_job_ends, .init = setup, .fini = fixture_stop)
{
    char more[256];
    char id[RF_UUID_LEN];
    receiver target;
    received r;
    receiver_start(&target, NULL, NULL);
    snprintf(more, sizeof(more), ",\"webhook\":{\"url\":\"http://127.0.0.1:%d/ok\"}", target.port);
    answer a = create_with(more);
    cr_assert_eq(a.status, 200, "%s", a.body);
    answer_done(&a);
    uint64_t fence = worker_claim(id);
    worker_finish(id, fence, "file");
    cr_assert(receiver_next(&target, 20000, &r), "no message came");
    cr_assert_eq(strncmp(r.id, id, RF_UUID_LEN - 1), 0);
    cr_assert_str_eq(r.id + RF_UUID_LEN - 1, "/job.succeeded");
    receiver_stop(&target);
}
