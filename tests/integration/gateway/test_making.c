/*
 * Making jobs from outside: repeats under an Idempotency-Key, and what an application may make at
 * once and a day (spec jobs.md 2.2, section 5).
 */
#include "client.h"
#include "fixture.h"
#include "jobs.h"
#include "rf_base.h"
#include "rf_id.h"
#include "worker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void setup(void)
{
    fixture_start(NULL, NULL);
}

/* ---- Idempotency-Key ---- */

/* Creates with that key; returns the status. */
static int create_under(const char *key, const char *body, char id[RF_UUID_LEN], bool *ret_replayed)
{
    char headers[512];
    char text[16] = "";
    snprintf(headers, sizeof(headers), JSON "Idempotency-Key: %s\r\n", key);
    answer a = client_call("POST", "/v1/job", NULL, headers, body);
    int status = a.status;
    *ret_replayed = answer_header(&a, "Idempotency-Replayed:", text, sizeof(text));
    cr_expect(!*ret_replayed || strcmp(text, "true") == 0, "%s", text);
    if (status == 200) {
        json_text(&a, "id", id, RF_UUID_LEN);
    }
    answer_done(&a);
    return status;
}

Test(idempotency, X1_a_repeat_gets_the_first_answer_and_says_so, .init = setup,
     .fini = fixture_stop)
{
    /* the same document in another order, and another */
    static const char again[] = "{\"params\" : {\"gain\":0.10, "
                                "\"inputUrl\":\"https://h.example/x.mp3\"},"
                                "\"workflow\":\"" CHORDS "\",\"name\":\"one\"}";
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    bool replayed;
    cr_assert_eq(create_under("k 1!~", BODY("one"), first, &replayed), 200);
    cr_expect_not(replayed);
    cr_assert_eq(create_under("k 1!~", again, second, &replayed), 200);
    cr_expect(replayed);
    cr_expect_str_eq(first, second);
    cr_assert_eq(create_under("k 1!~", BODY("two"), second, &replayed), 422);
    cr_expect_not(replayed);
    cr_assert_eq(create_under("K 1!~", BODY("one"), second, &replayed), 200, "keys are exact");
    cr_expect_str_neq(first, second);
}

Test(idempotency, X1_keys_have_1_to_255_printable_characters, .init = setup, .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    char key[257];
    bool replayed;
    memset(key, 'k', sizeof(key));
    key[256] = '\0';
    cr_expect_eq(create_under(key, BODY("one"), id, &replayed), 422);
    key[255] = '\0';
    cr_expect_eq(create_under(key, BODY("one"), id, &replayed), 200);
    cr_expect_eq(create_under("\xc3\xa9", BODY("one"), id, &replayed), 422);
    cr_expect_eq(create_under("", BODY("one"), id, &replayed), 422);
}

Test(idempotency, X1_errors_are_not_stored_and_other_calls_ignore_it, .init = setup,
     .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    char path[96];
    bool replayed;
    cr_expect_eq(create_under("k", "{\"name\":\"n\"}", id, &replayed), 400);
    cr_expect_eq(create_under("k", BODY("one"), id, &replayed), 200);
    cr_expect_not(replayed, "the error left the key free");
    jobs_path(path, sizeof(path), id, "/cancel");
    cr_expect_eq(client_status("POST", path, NULL, "Idempotency-Key: k\r\n", NULL), 200);
    cr_expect_eq(client_status("GET", "/v1/job", NULL, "Idempotency-Key: \xc3\xa9\r\n", NULL), 200);
}

/* ---- quotas ---- */

static void setup_queue(void)
{
    static const char *const args[] = {"--job.queued_max=2", NULL};
    fixture_start(NULL, args);
}

Test(limits, H8_a_job_above_the_most_that_may_be_queued_gets_429, .init = setup_queue,
     .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    char other[128];
    char path[96];
    char retry[16];
    jobs_create(BODY("one"), id);
    jobs_create(BODY("two"), id);
    answer a = client_call("POST", "/v1/job", NULL, JSON, BODY("three"));
    cr_expect_eq(a.status, 429, "%d", a.status);
    cr_expect_not_null(strstr(a.body, "\"code\":\"TOO_MANY_REQUESTS\""), "%s", a.body);
    cr_expect(answer_header(&a, "Retry-After:", retry, sizeof(retry)));
    cr_expect_str_eq(retry, "1");
    answer_done(&a);
    fixture_key("other", other);
    cr_expect_eq(client_status("POST", "/v1/job", other, JSON, BODY("three")), 200,
                 "of each alone");
    jobs_path(path, sizeof(path), id, "");
    cr_expect_eq(client_status("DELETE", path, NULL, NULL, NULL), 200);
    cr_expect_eq(client_status("POST", "/v1/job", NULL, JSON, BODY("three")), 200);
}

/* Seconds from now to the next midnight, UTC. */
static long left_of_day(void)
{
    return 86400 - time(NULL) % 86400;
}

Test(limits, H8_a_job_above_the_quota_of_the_day_gets_429_until_midnight, .init = setup,
     .fini = fixture_stop)
{
    char other[128];
    char retry[16];
    while (left_of_day() < 60) { /* so that the day does not change within the test */
        sleep(1);
    }
    worker_allow_a_day("demo", 2);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(client_status("POST", i == 0 ? "/v1/job" : "/api/job", NULL, JSON, BODY("n")),
                     200);
    }
    answer a = client_call("POST", "/v1/job", NULL, JSON, BODY("n"));
    cr_expect_eq(a.status, 429, "%d", a.status);
    cr_expect_not_null(strstr(a.body, "\"code\":\"TOO_MANY_REQUESTS\""), "%s", a.body);
    cr_expect_not_null(strstr(a.body, "00:00 UTC"), "%s", a.body);
    cr_assert(answer_header(&a, "Retry-After:", retry, sizeof(retry)));
    cr_expect(labs(atol(retry) - left_of_day()) <= 30, "%s", retry);
    answer_done(&a);
    fixture_key("other", other);
    cr_expect_eq(client_status("POST", "/v1/job", other, JSON, BODY("n")), 200, "of each alone");
    cr_expect_eq(client_status("GET", "/v1/job", NULL, NULL, NULL), 200, "of jobs made alone");
    worker_allow_a_day("demo", 3);
    cr_expect_eq(client_status("POST", "/v1/job", NULL, JSON, BODY("n")), 200);
}
