/*
 * Dead letters: JobService/RedriveJob for their owner, DeadLetterService for operators.
 */
#include "job_message_rpc.h"

#include <errno.h>

/* ---- of an application ---- */

static void redriven(job_op *op)
{
    if (op->err == -EEXIST) {
        job_call_fail(job_call_of(op)->call, RF_ALREADY_EXISTS,
                      "The job is not in the dead-letter list.");
        job_op_free(op);
    } else if (!job_call_refuse(op)) {
        Job__V1__RedriveJobResponse reply = JOB__V1__REDRIVE_JOB_RESPONSE__INIT;
        reply.id = ((job_op_redrive *)op)->new_id;
        job_call_reply(op, &reply.base);
    }
}

static void redrive_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_redrive *op = JOB_CALL_OP(s, call, JOB_OP_REDRIVE, job_op_redrive, "job", redriven);
        op->app = job_arena_str(&op->op.arena, app);
        op->id = job_arena_str(&op->op.arena, ((const Job__V1__RedriveJobRequest *)request)->id);
        job_store_submit(s->store, &op->op);
    }
}

/* ---- of all ---- */

static job_dead_range range_of(job_arena *arena, const Job__V1__DeadLetterRange *m)
{
    job_dead_range range = {.from_ms = 0};
    if (m != NULL) {
        range.workflow = m->workflow[0] != '\0' ? job_arena_str(arena, m->workflow) : NULL;
        range.from_ms = m->from != NULL ? m->from->wall_ms : 0;
        range.to_ms = m->to != NULL ? m->to->wall_ms : 0;
    }
    return range;
}

typedef struct letter_message {
    Job__V1__DeadJob letter;
    Rpc__V1__Time at;
} letter_message;

static Job__V1__DeadJob *make_letter(job_arena *arena, const job_dead_letter *d)
{
    letter_message *m = job_arena_alloc(arena, sizeof(*m));
    job__v1__dead_job__init(&m->letter);
    m->letter.id = job_message_text(d->id);
    m->letter.application = job_message_text(d->app);
    m->letter.name = job_message_text(d->name);
    m->letter.workflow = job_message_text(d->workflow);
    m->letter.code = job_message_text(d->code);
    m->letter.message = job_message_text(d->message);
    m->letter.attempts = (uint32_t)d->attempts;
    m->letter.at = job_message_time(&m->at, d->at_ms);
    return &m->letter;
}

static void listed(job_op *op)
{
    const job_op_dead_list *list = (const job_op_dead_list *)op;
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__ListDeadLettersResponse reply = JOB__V1__LIST_DEAD_LETTERS_RESPONSE__INIT;
    reply.letters = job_arena_array(&op->arena, list->n_letters, sizeof(Job__V1__DeadJob *));
    for (; reply.n_letters < list->n_letters; reply.n_letters++) {
        reply.letters[reply.n_letters] = make_letter(&op->arena, &list->letters[reply.n_letters]);
    }
    job_call_reply(op, &reply.base);
}

static void list_letters(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ListDeadLettersRequest *m = (const Job__V1__ListDeadLettersRequest *)request;
    const char *wrong = job_message_page(m->page, m->size);
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    job_op_dead_list *op =
        JOB_CALL_READ(s, call, JOB_OP_DEAD_LIST, job_op_dead_list, "dead letter", listed);
    op->range = range_of(&op->op.arena, m->range);
    op->page = m->page;
    op->size = m->size == 0 ? JOB_PAGE_SIZE : m->size;
    job_store_submit(s->store, &op->op);
}

static void all_redriven(job_op *op)
{
    const job_op_dead_redrive *redrive = (const job_op_dead_redrive *)op;
    if (!job_call_refuse(op)) {
        Job__V1__RedriveDeadLettersResponse reply = JOB__V1__REDRIVE_DEAD_LETTERS_RESPONSE__INIT;
        reply.redriven = (uint32_t)redrive->n_redriven;
        reply.left = (uint32_t)redrive->n_left;
        reply.next = (uint64_t)redrive->last;
        job_call_reply(op, &reply.base);
    }
}

static void redrive_letters(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__RedriveDeadLettersRequest *m =
        (const Job__V1__RedriveDeadLettersRequest *)request;
    job_op_dead_redrive *op =
        JOB_CALL_OP(s, call, JOB_OP_DEAD_REDRIVE, job_op_dead_redrive, "dead letter", all_redriven);
    op->range = range_of(&op->op.arena, m->range);
    op->after = (int64_t)RF_MIN(m->after, (uint64_t)INT64_MAX);
    job_store_submit(s->store, &op->op);
}

void job_dead_rpc_register(job_service *s, rf_rpc_server *server)
{
    rf_rpc_server_handle_unary(server, &job_v1_job_service, JOB_V1_JOB_SERVICE_REDRIVE_JOB,
                               redrive_job, s);
    rf_rpc_server_handle_unary(server, &job_v1_dead_letter_service,
                               JOB_V1_DEAD_LETTER_SERVICE_LIST_DEAD_LETTERS, list_letters, s);
    rf_rpc_server_handle_unary(server, &job_v1_dead_letter_service,
                               JOB_V1_DEAD_LETTER_SERVICE_REDRIVE_DEAD_LETTERS, redrive_letters, s);
}
