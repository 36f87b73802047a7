/*
 * Dead letters in the store (spec jobs.md 4.3): what enters the list, what redrive makes of it, for
 * the owner and for operators. The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(dead, .init = set_up, .fini = tear_down);

/* Lets every attempt of the one waiting job fail. */
static void kill_job(const char *id)
{
    while (fixture_state(&f, id) != JOB_FAILED) {
        char claimed[RF_UUID_LEN];
        fixture_advance(FIXTURE_HOUR_MS / 10);
        uint64_t fence = fixture_claim_one(&f, "w", claimed);
        cr_assert_str_eq(claimed, id);
        cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "Step 'beats' failed."));
    }
}

static int make(job_op_create *op, char id[RF_UUID_LEN])
{
    int err = fixture_run(&f, &op->op);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
    return err;
}

static void make_dead(char id[RF_UUID_LEN])
{
    fixture_create(&f, id);
    kill_job(id);
}

static int redrive(const char *app, const char *id, char new_id[RF_UUID_LEN])
{
    job_op_redrive *op = JOB_OP_NEW(JOB_OP_REDRIVE, job_op_redrive, NULL, NULL);
    op->app = app;
    op->id = id;
    int err = fixture_run(&f, &op->op);
    rf_copy_str(new_id, RF_UUID_LEN, op->new_id);
    job_op_free(&op->op);
    return err;
}

static size_t listed(job_dead_range range)
{
    job_op_dead_list *op = JOB_OP_NEW(JOB_OP_DEAD_LIST, job_op_dead_list, NULL, NULL);
    op->range = range;
    op->size = 100;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    size_t n = op->n_letters;
    job_op_free(&op->op);
    return n;
}

/* R5 */
Test(dead, redrive_makes_a_new_job_of_the_same_name_workflow_and_params)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    job_op_create *op = fixture_request(&f);
    op->name = "a name";
    op->params = "{\"a\": 7}";
    op->metadata = "{\"k\":\"v\"}";
    cr_assert_eq(make(op, id), 0);
    kill_job(id);
    cr_assert_eq(redrive(f.app, id, again), 0);
    cr_assert(rf_uuid4_valid(again));
    cr_assert_str_neq(again, id);
    job_op_get *get = fixture_get(&f, again);
    cr_assert_eq(get->job.state, JOB_QUEUED);
    cr_assert_str_eq(get->job.name, "a name");
    cr_assert_str_eq(get->job.workflow, "fixture");
    cr_assert_str_eq(get->job.params, "{\"a\": 7}");
    cr_assert_str_eq(get->job.metadata, "{\"k\":\"v\"}");
    cr_assert_eq(get->job.created_ms, rf_time_wall_ms());
    cr_assert_eq(get->job.n_attempts, 0);
    job_op_free(&get->op);
    char claimed[RF_UUID_LEN];
    uint64_t fence = fixture_claim_one(&f, "w", claimed);
    cr_assert_str_eq(claimed, again);
    cr_assert_eq(fence, 1);
    cr_assert(fixture_succeed(&f, again, fence));
    cr_assert_eq(fixture_state(&f, again), JOB_SUCCEEDED);
    cr_assert_eq(fixture_state(&f, id), JOB_FAILED, "a final job does not change");
}

/* R4 */
Test(dead, its_attempts_are_kept)
{
    char id[RF_UUID_LEN];
    make_dead(id);
    job_op_get *get = fixture_get(&f, id);
    cr_assert_eq(get->job.n_attempts, 4);
    for (size_t i = 0; i < 4; i++) {
        const job_attempt *a = &get->job.attempts[i];
        cr_assert_eq(a->fence, i + 1);
        cr_assert_str_eq(a->worker, "w");
        cr_assert_str_eq(a->code, JOB_CODE_INTERNAL);
        cr_assert_str_eq(a->step, "step");
        cr_assert_geq(a->ended_ms, a->started_ms);
    }
    job_op_free(&get->op);
    cr_assert_eq(listed((job_dead_range){.from_ms = 0}), 1);
}

/* R5 */
Test(dead, a_job_that_is_not_in_the_list_is_refused)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    job_state state;
    fixture_create(&f, id);
    cr_assert_eq(redrive(f.app, id, again), -EEXIST, "a queued one");
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    cr_assert_eq(redrive(f.app, id, again), -EEXIST, "a cancelled one");
    cr_assert_eq(redrive(f.app, "x", again), -ENOENT);
    make_dead(id);
    fixture_application(&f, "other", other);
    cr_assert_eq(redrive(other, id, again), -ENOENT, "S7: a foreign one");
    cr_assert_eq(redrive(f.app, id, again), 0);
    cr_assert_eq(redrive(f.app, id, again), -EEXIST, "its place is taken");
    cr_assert_eq(listed((job_dead_range){.from_ms = 0}), 0);
}

Test(dead, inputs_and_targets_go_along)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    char upload[RF_UUID_LEN];
    char lost[RF_UUID_LEN];
    char key[128];
    fixture_upload(&f, upload);
    fixture_upload(&f, lost);
    cr_assert_eq(fixture_complete(&f, upload, key), 0);
    const job_input inputs[] = {{.param = "a", .upload_id = upload},
                                {.param = "b", .url = "https://h/x"}};
    const job_target targets[] = {{.output = "out", .url = "https://h/put"},
                                  {.output = "own", .upload_id = lost}};
    job_op_create *op = fixture_request(&f);
    op->inputs = inputs;
    op->n_inputs = 2;
    op->targets = targets;
    op->n_targets = 2;
    cr_assert_eq(make(op, id), 0);
    kill_job(id);
    fixture_advance(2 * FIXTURE_DAY_MS); /* the uploads have expired, the input is pinned */
    cr_assert_eq(redrive(f.app, id, again), 0);
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    const job_claim *c = &claim->claims[0];
    cr_assert_eq(c->n_inputs, 3);
    for (size_t i = 0; i < 3; i++) {
        const job_input *in = &c->inputs[i];
        if (strcmp(in->param, "a") == 0) {
            cr_assert_str_eq(in->object_key, key);
        } else if (strcmp(in->param, "b") == 0) {
            cr_assert_str_eq(in->url, "https://h/x");
        } else {
            cr_assert_str_eq(in->param, "copyResultsTo.own");
            cr_assert_str_eq(in->bad, JOB_TEXT_FILE_NOT_FOUND);
        }
    }
    cr_assert_eq(c->n_targets, 1);
    cr_assert_str_eq(c->targets[0].url, "https://h/put");
    job_op_free(&claim->op);
    cr_assert(fixture_key_used(&f, key));
}

Test(dead, a_webhook_goes_along)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    job_op_create *op = fixture_request(&f);
    op->hook = (job_hook){.url = "https://h/x", .host = "h", .events = JOB_HOOK_SUCCEEDED};
    op->hook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    cr_assert_eq(make(op, id), 0);
    kill_job(id);
    cr_assert_eq(redrive(f.app, id, again), 0);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, again, fence));
    job_op_hook_take *take = JOB_OP_NEW(JOB_OP_HOOK_TAKE, job_op_hook_take, NULL, NULL);
    take->busy = " ";
    take->lease_ms = FIXTURE_HOUR_MS;
    cr_assert_eq(fixture_run(&f, &take->op), 0);
    cr_assert_eq(take->n_messages, 1);
    cr_assert_str_eq(take->messages[0].job, again);
    cr_assert_str_eq(take->messages[0].url, "https://h/x");
    job_op_free(&take->op);
}

Test(dead, the_limit_of_queued_jobs_holds_for_redrive_too)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    make_dead(id);
    job_store_close(f.store);
    f.options.queued_max = 1;
    cr_assert_eq(fixture_try_open(&f), 0);
    fixture_create(&f, again);
    cr_assert_eq(redrive(f.app, id, again), -EDQUOT);
    cr_assert_eq(listed((job_dead_range){.from_ms = 0}), 1);
}

Test(dead, the_quota_of_the_day_holds_for_redrive_too)
{
    char id[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    job_op_app_limit *limit = JOB_OP_NEW(JOB_OP_APP_LIMIT, job_op_app_limit, NULL, NULL);
    fixture_advance(FIXTURE_DAY_MS - rf_time_wall_ms() % FIXTURE_DAY_MS); /* 00:00 UTC */
    make_dead(id);
    limit->name = "fixture";
    limit->set_per_day = true;
    limit->per_day = 1;
    cr_assert_eq(fixture_run(&f, &limit->op), 0);
    job_op_free(&limit->op);
    cr_assert_eq(redrive(f.app, id, again), -EUSERS);
    fixture_advance(FIXTURE_DAY_MS);
    cr_assert_eq(redrive(f.app, id, again), 0);
    job_op_create *one_more = fixture_request(&f);
    cr_assert_eq(fixture_run(&f, &one_more->op), -EUSERS, "it made a job");
    job_op_free(&one_more->op);
}

/* R5 */
Test(dead, operators_redrive_by_workflow_and_time_across_applications)
{
    char ids[3][RF_UUID_LEN];
    int64_t died_ms[3];
    for (size_t i = 0; i < 3; i++) {
        make_dead(ids[i]);
        died_ms[i] = rf_time_wall_ms();
    }
    cr_assert_eq(listed((job_dead_range){.workflow = "fixture"}), 3);
    cr_assert_eq(listed((job_dead_range){.workflow = "none"}), 0);
    cr_assert_eq(listed((job_dead_range){.from_ms = died_ms[1]}), 2);
    cr_assert_eq(listed((job_dead_range){.to_ms = died_ms[1]}), 1);
    job_op_dead_redrive *op = JOB_OP_NEW(JOB_OP_DEAD_REDRIVE, job_op_dead_redrive, NULL, NULL);
    op->range = (job_dead_range){.workflow = "fixture", .from_ms = died_ms[1], .to_ms = died_ms[2]};
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->n_redriven, 1);
    cr_assert_eq(op->n_left, 0);
    cr_assert_eq(op->last, 0);
    job_op_free(&op->op);
    char again[RF_UUID_LEN];
    cr_assert_eq(redrive(f.app, ids[1], again), -EEXIST);
    cr_assert_eq(listed((job_dead_range){.from_ms = 0}), 2);
    cr_assert_eq(fixture_count(&f, 1u << JOB_QUEUED), 1);
}
