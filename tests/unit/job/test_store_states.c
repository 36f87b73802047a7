/*
 * Every operation on a job in every state that a job can be in (spec jobs.md 4.1): what it answers,
 * and where it leads. A worker that acts has the fence it was given, current or not.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

static fixture f;
static char id[RF_UUID_LEN];
static uint64_t fence; /* of the job's last claim, 0: it had none */

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(states, .init = set_up, .fini = tear_down);

/* ---- the states ---- */

static void unknown(void)
{
    rf_uuid4(id);
    fence = 1;
}

static void queued(void)
{
    fixture_create(&f, id);
    fence = 0;
}

static void running(void)
{
    fixture_create(&f, id);
    fence = fixture_claim_one(&f, "worker", id);
}

static void waiting_for_a_retry(void)
{
    running();
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
}

static void released(void)
{
    running();
    cr_assert(fixture_release(&f, id, fence));
}

static void lost(void)
{
    running();
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
}

static void succeeded(void)
{
    running();
    cr_assert(fixture_succeed(&f, id, fence));
}

static void failed(void)
{
    running();
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x"));
}

static void cancelled(void)
{
    job_state state;
    running();
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
}

static void deleted(void)
{
    running();
    cr_assert_eq(fixture_delete(&f, id, false), 0);
}

enum { UNKNOWN, QUEUED, RUNNING, RETRY, RELEASED, LOST, SUCCEEDED, FAILED, CANCELLED, DELETED, N };

static const struct {
    const char *name;
    void (*make)(void);
    job_state state;
} states[N] = {
    [UNKNOWN] = {"unknown", unknown, JOB_NONE},
    [QUEUED] = {"queued", queued, JOB_QUEUED},
    [RUNNING] = {"running", running, JOB_STARTED},
    [RETRY] = {"waiting for a retry", waiting_for_a_retry, JOB_STARTED},
    [RELEASED] = {"released", released, JOB_STARTED},
    [LOST] = {"lost", lost, JOB_STARTED},
    [SUCCEEDED] = {"succeeded", succeeded, JOB_SUCCEEDED},
    [FAILED] = {"failed", failed, JOB_FAILED},
    [CANCELLED] = {"cancelled", cancelled, JOB_FAILED},
    [DELETED] = {"deleted", deleted, JOB_NONE},
};

/* ---- the operations; each returns 0 for taken, else why not ---- */

#define REFUSED (-1)

static int beat(void)
{
    return fixture_beat(&f, id, fence, "step", 50) ? REFUSED : 0;
}

static int step_done(void)
{
    const job_step_output output = {.step = "s", .port = "p", .text = "t"};
    job_op_step_done *op = JOB_OP_NEW(JOB_OP_STEP_DONE, job_op_step_done, NULL, NULL);
    op->id = id;
    op->fence = fence;
    op->outputs = &output;
    op->n_outputs = 1;
    int err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return err;
}

static int succeed(void)
{
    return fixture_succeed(&f, id, fence) ? 0 : REFUSED;
}

static int refuse_input(void)
{
    return fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x") ? 0 : REFUSED;
}

static int fail(void)
{
    return fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x") ? 0 : REFUSED;
}

static int give_up(void)
{
    return fixture_release(&f, id, fence) ? 0 : REFUSED;
}

static int cancel(void)
{
    job_state state;
    return fixture_cancel(&f, id, &state);
}

static int delete (void)
{
    return fixture_delete(&f, id, false);
}

/* Any worker, long after: what waits has fallen due. */
static int claim(void)
{
    fixture_advance(FIXTURE_HOUR_MS);
    job_op_claim *op = fixture_claim(&f, "another", 1);
    int err = op->n_claims == 1 && strcmp(op->claims[0].id, id) == 0 ? 0 : REFUSED;
    job_op_free(&op->op);
    return err;
}

static int scan(void)
{
    size_t expired;
    fixture_advance(FIXTURE_DAY_MS + 1);
    return fixture_scan(&f, &expired) + expired == 1 ? 0 : REFUSED;
}

static int again(void)
{
    job_op_get *op = fixture_get(&f, id);
    int err = op == NULL ? -ENOENT : 0;
    job_op_free(op == NULL ? NULL : &op->op);
    return err;
}

/* What the operation answers in each state, and the state after it. */
typedef struct cell {
    int err;
    job_state after;
} cell;

#define OK(state)                                                                                  \
    {                                                                                              \
        0, state                                                                                   \
    }
#define NO(err, state)                                                                             \
    {                                                                                              \
        err, state                                                                                 \
    }

static const struct {
    const char *name;
    int (*act)(void);
    cell cells[N];
} operations[] = {
    {"get",
     again,
     {NO(-ENOENT, JOB_NONE), OK(JOB_QUEUED), OK(JOB_STARTED), OK(JOB_STARTED), OK(JOB_STARTED),
      OK(JOB_STARTED), OK(JOB_SUCCEEDED), OK(JOB_FAILED), OK(JOB_FAILED), NO(-ENOENT, JOB_NONE)}},
    {"claim",
     claim,
     {NO(REFUSED, JOB_NONE), OK(JOB_STARTED), NO(REFUSED, JOB_STARTED), OK(JOB_STARTED),
      OK(JOB_STARTED), OK(JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED), NO(REFUSED, JOB_FAILED),
      NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"heartbeat",
     beat,
     {NO(REFUSED, JOB_NONE), NO(REFUSED, JOB_QUEUED), OK(JOB_STARTED), NO(REFUSED, JOB_STARTED),
      NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED),
      NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"step",
     step_done,
     {NO(-ESTALE, JOB_NONE), NO(-ESTALE, JOB_QUEUED), OK(JOB_STARTED), NO(-ESTALE, JOB_STARTED),
      NO(-ESTALE, JOB_STARTED), NO(-ESTALE, JOB_STARTED), NO(-ESTALE, JOB_SUCCEEDED),
      NO(-ESTALE, JOB_FAILED), NO(-ESTALE, JOB_FAILED), NO(-ESTALE, JOB_NONE)}},
    /* A repeat of the end that was accepted is accepted. */
    {"success",
     succeed,
     {NO(REFUSED, JOB_NONE), NO(REFUSED, JOB_QUEUED), OK(JOB_SUCCEEDED), NO(REFUSED, JOB_STARTED),
      NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_STARTED), OK(JOB_SUCCEEDED),
      NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"bad input",
     refuse_input,
     {NO(REFUSED, JOB_NONE), NO(REFUSED, JOB_QUEUED), OK(JOB_FAILED), OK(JOB_STARTED),
      NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED),
      OK(JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"failure",
     fail,
     {NO(REFUSED, JOB_NONE), NO(REFUSED, JOB_QUEUED), OK(JOB_STARTED), OK(JOB_STARTED),
      NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED),
      OK(JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"release",
     give_up,
     {NO(REFUSED, JOB_NONE), NO(REFUSED, JOB_QUEUED), OK(JOB_STARTED), NO(REFUSED, JOB_STARTED),
      OK(JOB_STARTED), NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED),
      NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
    {"cancel",
     cancel,
     {NO(-ENOENT, JOB_NONE), OK(JOB_FAILED), OK(JOB_FAILED), OK(JOB_FAILED), OK(JOB_FAILED),
      OK(JOB_FAILED), OK(JOB_SUCCEEDED), OK(JOB_FAILED), OK(JOB_FAILED), NO(-ENOENT, JOB_NONE)}},
    {"delete",
     delete,
     {NO(-ENOENT, JOB_NONE), OK(JOB_NONE), OK(JOB_NONE), OK(JOB_NONE), OK(JOB_NONE), OK(JOB_NONE),
      OK(JOB_NONE), OK(JOB_NONE), OK(JOB_NONE), NO(-ENOENT, JOB_NONE)}},
    /* A day later: leases have run out, and a queued job was not started in time. */
    {"scan",
     scan,
     {NO(REFUSED, JOB_NONE), OK(JOB_FAILED), OK(JOB_STARTED), NO(REFUSED, JOB_STARTED),
      NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_STARTED), NO(REFUSED, JOB_SUCCEEDED),
      NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_FAILED), NO(REFUSED, JOB_NONE)}},
};

Test(states, every_state_is_what_it_says)
{
    for (size_t s = 0; s < N; s++) {
        states[s].make();
        cr_assert_eq(fixture_state(&f, id), states[s].state, "%s", states[s].name);
        (void)fixture_delete(&f, id, false);
    }
}

Test(states, every_operation_in_every_state)
{
    for (size_t o = 0; o < RF_ARRAY_LEN(operations); o++) {
        for (size_t s = 0; s < N; s++) {
            const cell *wanted = &operations[o].cells[s];
            states[s].make();
            int err = operations[o].act();
            job_state after = fixture_state(&f, id);
            cr_expect_eq(err, wanted->err, "%s of a job that is %s: %d, not %d", operations[o].name,
                         states[s].name, err, wanted->err);
            cr_expect_eq(after, wanted->after, "%s of a job that is %s: leads to %s",
                         operations[o].name, states[s].name, job_state_name(after));
            (void)fixture_delete(&f, id, false); /* no job of one cell waits in the next */
        }
    }
}

/* Every pair of operations after a first claim: whatever comes, a final job stays as it is. */
Test(states, no_two_operations_bring_a_final_job_back)
{
    for (size_t a = 0; a < RF_ARRAY_LEN(operations); a++) {
        for (size_t b = 0; b < RF_ARRAY_LEN(operations); b++) {
            running();
            (void)operations[a].act();
            job_state between = fixture_state(&f, id);
            (void)operations[b].act();
            job_state after = fixture_state(&f, id);
            if (job_state_final(between)) {
                cr_assert(after == between || after == JOB_NONE, "%s, then %s: from %s to %s",
                          operations[a].name, operations[b].name, job_state_name(between),
                          job_state_name(after));
            }
            cr_assert(between != JOB_NONE || after == JOB_NONE, "%s, then %s: came back",
                      operations[a].name, operations[b].name);
            (void)fixture_delete(&f, id, false);
        }
    }
}
