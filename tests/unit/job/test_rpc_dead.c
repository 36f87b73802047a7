/*
 * Dead letters over RPC (spec jobs.md 4.3): the owner's redrive, and what operators do.
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "rf_time.h"

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

static rpc_fixture f;

static void set_up(void)
{
    rf_time_drive();
    rpc_fixture_open(&f, NULL);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_dead, .init = set_up, .fini = tear_down);

static void make_dead(char id[RF_UUID_LEN])
{
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    for (uint64_t fence = 1; fence <= 4; fence++) {
        rf_time_advance(400 * RF_NS_PER_S);
        Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
        cr_assert_not_null(claims);
        cr_assert(rpc_fixture_fail(&f, id, fence, "INTERNAL_ERROR", "Step 'c' failed."));
        rf_rpc_message_free(claims);
    }
}

static char *redrive(const char *id)
{
    Job__V1__RedriveJobRequest r = JOB__V1__REDRIVE_JOB_REQUEST__INIT;
    r.id = (char *)(uintptr_t)id;
    Job__V1__RedriveJobResponse *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_REDRIVE_JOB, &r);
    char *again = reply == NULL ? NULL : rf_strdup(reply->id);
    rf_rpc_message_free(reply);
    return again;
}

static Job__V1__ListDeadLettersResponse *list(const char *workflow)
{
    Job__V1__DeadLetterRange range = JOB__V1__DEAD_LETTER_RANGE__INIT;
    Job__V1__ListDeadLettersRequest r = JOB__V1__LIST_DEAD_LETTERS_REQUEST__INIT;
    range.workflow = (char *)(uintptr_t)workflow;
    r.range = &range;
    Job__V1__ListDeadLettersResponse *reply =
        rpc_fixture_bare(&f, JOB_V1_DEAD_LETTER_SERVICE_LIST_DEAD_LETTERS, &r);
    cr_assert_not_null(reply);
    return reply;
}

/* R5 */
Test(rpc_dead, an_owner_redrives_a_job_once)
{
    char id[RF_UUID_LEN];
    make_dead(id);
    RF_CLEANUP(rf_cleanup_free) char *again = redrive(id);
    cr_assert_not_null(again);
    Job__V1__Job *job = rpc_fixture_get(&f, again);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__QUEUED);
    cr_assert_str_eq(job->workflow_params->text, OUTSIDE);
    rf_rpc_message_free(job);
    cr_assert_null(redrive(id));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
    cr_assert_str_eq(f.status.message, "The job is not in the dead-letter list.");
    cr_assert_null(redrive(again));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
}

Test(rpc_dead, operators_see_them_and_redrive_a_range)
{
    char id[RF_UUID_LEN];
    make_dead(id);
    Job__V1__ListDeadLettersResponse *letters = list("");
    cr_assert_eq(letters->n_letters, 1);
    const Job__V1__DeadJob *d = letters->letters[0];
    cr_assert_str_eq(d->id, id);
    cr_assert_str_eq(d->application, "demo");
    cr_assert_str_eq(d->workflow, "sdk-test");
    cr_assert_str_eq(d->code, "INTERNAL_ERROR");
    cr_assert_str_eq(d->message, "Step 'c' failed.");
    cr_assert_eq(d->attempts, 4);
    cr_assert_eq(d->at->wall_ms, rf_time_wall_ms());
    rf_rpc_message_free(letters);
    letters = list("music-ai/generate-chords");
    cr_assert_eq(letters->n_letters, 0);
    rf_rpc_message_free(letters);
    Job__V1__RedriveDeadLettersRequest r = JOB__V1__REDRIVE_DEAD_LETTERS_REQUEST__INIT;
    Job__V1__RedriveDeadLettersResponse *reply =
        rpc_fixture_bare(&f, JOB_V1_DEAD_LETTER_SERVICE_REDRIVE_DEAD_LETTERS, &r);
    cr_assert_eq(reply->redriven, 1);
    cr_assert_eq(reply->left, 0);
    cr_assert_eq(reply->next, 0);
    rf_rpc_message_free(reply);
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    cr_assert_not_null(claims, "a new job waits");
    cr_assert_eq(claims->claims[0]->fence, 1);
    rf_rpc_message_free(claims);
}
