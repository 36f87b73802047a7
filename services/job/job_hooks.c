#include "job_hooks.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "rf_log.h"
#include "rf_time.h"

#define TRY_MS 20000
#define LEASE_MS 60000 /* of a message in flight; above TRY_MS */
#define LOOK_MS 10000  /* what another replica has left behind is found within */
#define JITTER_PERCENT 10
#define IN_FLIGHT 64
#define BODY_ROOM 24000

/* A message taken: waiting for the sender, or in flight. */
typedef struct taken {
    job_arena arena;
    job_hook_message m;
    rf_buf body;
    struct taken *next;
} taken;

/* All but sender belongs to the sender's thread. */
struct job_hooks {
    job_store *store;
    rf_webhook *sender;
    taken *waiting;
    taken *flying;
};

/* ---- the payload ---- */

static const char *or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

static int write_body(const job_hook_message *m, bool with_metadata, rf_buf *out)
{
    char iso[RF_ISO_LEN];
    RF_CLEANUP(rf_cleanup_free) char *batch = NULL;
    json_t *name = m->batch_name == NULL ? json_null() : json_string(m->batch_name);
    batch = json_dumps(name, JSON_ENCODE_ANY);
    json_decref(name);
    rf_buf_printf(out,
                  "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":{\"id\":\"%s\",\"status\":\"%s\","
                  "\"batchName\":%s",
                  m->type, rf_time_iso(m->at_ms, iso), m->job, job_state_name(m->status),
                  or_empty(batch));
    if (with_metadata) {
        rf_buf_append_str(out, ",\"metadata\":");
        rf_buf_append_str(out, m->metadata);
    }
    rf_buf_append_str(out, "}}");
    return rf_buf_error(out);
}

int job_hook_body(const job_hook_message *m, rf_buf *out)
{
    int err = write_body(m, true, out);
    if (err == 0 && out->len >= RF_WEBHOOK_MAX_BODY) {
        rf_buf_clear(out);
        err = write_body(m, false, out);
    }
    return err < 0 ? -ENOSPC : 0;
}

int job_hook_events(const char *const *names, size_t n, const char **ret_wrong)
{
    static const struct {
        const char *name;
        job_hook_event event;
    } known[] = {{"job.started", JOB_HOOK_STARTED},
                 {"job.succeeded", JOB_HOOK_SUCCEEDED},
                 {"job.failed", JOB_HOOK_FAILED},
                 {"batch.completed", JOB_HOOK_BATCH}};
    int events = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < RF_ARRAY_LEN(known) && strcmp(names[i], known[k].name) != 0) {
            k++;
        }
        if (k == RF_ARRAY_LEN(known)) {
            *ret_wrong = names[i];
            return -EINVAL;
        }
        events |= (int)known[k].event;
    }
    return n == 0 ? (int)JOB_HOOK_DEFAULT : events;
}

char *job_hook_host(job_arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    return job_arena_strn(arena, host, strcspn(host, "/?#"));
}

/* ---- taking ---- */

static size_t flying_to(const job_hooks *h, const char *host)
{
    size_t n = 0;
    for (const taken *t = h->flying; t != NULL; t = t->next) {
        n += strcmp(t->m.host, host) == 0;
    }
    return n;
}

/* " host host ", each of which has as many in flight as it may. */
static const char *busy_hosts(const job_hooks *h, job_arena *arena)
{
    const char *busy = " ";
    for (const taken *t = h->flying; t != NULL; t = t->next) {
        char *word = job_arena_printf(arena, " %s ", t->m.host);
        if (strstr(busy, word) == NULL && flying_to(h, t->m.host) >= JOB_HOOKS_PER_HOST) {
            busy = job_arena_printf(arena, "%s%s ", busy, t->m.host);
        }
    }
    return busy;
}

static void add_waiting(job_hooks *h, const job_hook_message *m)
{
    taken *t = RF_NEW(taken);
    job_arena *arena = &t->arena;
    t->m = *m;
    t->m.id = job_arena_str(arena, m->id);
    t->m.app = job_arena_str(arena, m->app);
    t->m.url = job_arena_str(arena, m->url);
    t->m.host = job_arena_str(arena, m->host);
    rf_buf_init(&t->body, BODY_ROOM);
    if (job_hook_body(m, &t->body) < 0) {
        RF_LOG_ERROR("webhook has no body", RF_STR("event", m->id));
    }
    t->next = h->waiting;
    h->waiting = t;
}

/* Fills waiting, or says when there may be something. */
static int fill(job_hooks *h, int64_t now_ms, int64_t *ret_due_ms)
{
    job_op_hook_take *op = JOB_OP_NEW(JOB_OP_HOOK_TAKE, job_op_hook_take, NULL, NULL);
    op->busy = busy_hosts(h, &op->op.arena);
    op->lease_ms = LEASE_MS;
    int err = job_store_run(h->store, &op->op);
    for (size_t i = 0; err == 0 && i < op->n_messages; i++) {
        add_waiting(h, &op->messages[i]);
    }
    if (err == 0 && op->n_messages == 0) {
        *ret_due_ms = RF_MIN(op->next_ms, now_ms + LOOK_MS);
        err = -EAGAIN;
    }
    job_op_free(&op->op);
    return err;
}

static int take(void *self, int64_t now_ms, rf_webhook_message *ret, int64_t *ret_due_ms)
{
    job_hooks *h = self;
    int err = h->waiting == NULL ? fill(h, now_ms, ret_due_ms) : 0;
    if (err != 0) {
        return err == -EAGAIN ? -EAGAIN : -EIO;
    }
    taken *t = h->waiting;
    h->waiting = t->next;
    t->next = h->flying;
    h->flying = t;
    *ret = (rf_webhook_message){.id = t->m.id,
                                .url = t->m.url,
                                .owner = t->m.app,
                                .body = t->body.data,
                                .body_len = t->body.len,
                                .attempts = t->m.attempts,
                                .token = t};
    return 0;
}

/* ---- settling ---- */

static taken *free_taken(taken *t)
{
    rf_buf_done(&t->body);
    job_arena_done(&t->arena);
    free(t);
    return NULL;
}

static void leave(job_hooks *h, taken *t)
{
    taken **at = &h->flying;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    free_taken(t);
}

static void keep_verdict(job_hooks *h, const char *id, rf_webhook_verdict verdict, int64_t due_ms)
{
    job_op_hook_settle *op = JOB_OP_NEW(JOB_OP_HOOK_SETTLE, job_op_hook_settle, NULL, NULL);
    op->id = job_arena_str(&op->op.arena, id);
    op->tried = verdict == RF_WEBHOOK_RETRY;
    op->done = verdict != RF_WEBHOOK_RETRY && verdict != RF_WEBHOOK_RELEASED;
    op->due_ms = due_ms;
    if (job_store_run(h->store, &op->op) < 0) {
        RF_LOG_WARN("a webhook will be tried again", RF_STR("event", id));
    }
    job_op_free(&op->op);
}

static void settle(void *self, const rf_webhook_message *message, rf_webhook_verdict verdict,
                   int64_t due_ms)
{
    job_hooks *h = self;
    keep_verdict(h, message->id, verdict, due_ms);
    leave(h, message->token);
}

static int secrets(void *user, const char *owner, const char *url, rf_webhook_secrets *ret)
{
    const job_hooks *h = user;
    (void)url;
    job_op_hook_secrets *op = JOB_OP_NEW(JOB_OP_HOOK_SECRETS, job_op_hook_secrets, NULL, NULL);
    op->app = job_arena_str(&op->op.arena, owner);
    int err = job_store_run(h->store, &op->op);
    for (size_t i = 0; err == 0 && i < RF_MIN(op->n_secrets, (size_t)RF_WEBHOOK_MAX_SECRETS); i++) {
        (void)rf_copy_str(ret->text[ret->n++], RF_WEBHOOK_SECRET_SIZE, op->secrets[i]);
    }
    job_op_free(&op->op);
    return err;
}

static void gone(void *user, const char *owner, const char *url)
{
    job_hooks *h = user;
    job_op_hook_gone *op = JOB_OP_NEW(JOB_OP_HOOK_GONE, job_op_hook_gone, NULL, NULL);
    op->app = job_arena_str(&op->op.arena, owner);
    op->url = job_arena_str(&op->op.arena, url);
    if (job_store_run(h->store, &op->op) < 0) {
        RF_LOG_WARN("a webhook that is gone is kept for now");
    }
    job_op_free(&op->op);
}

/* ---- life ---- */

int job_hooks_start(job_store *store, const rf_fetch *fetch, job_hooks **ret)
{
    static const rf_webhook_source source = {
        .version = RF_WEBHOOK_SOURCE_VERSION, .take = take, .settle = settle};
    job_hooks *h = RF_NEW(job_hooks);
    h->store = store;
    const rf_webhook_config config = {.fetch = fetch,
                                      .source = &source,
                                      .self = h,
                                      .secrets = secrets,
                                      .gone = gone,
                                      .user = h,
                                      .timeout_ms = TRY_MS,
                                      .max_in_flight = IN_FLIGHT,
                                      .jitter_percent = JITTER_PERCENT,
                                      .honour_retry_after = true,
                                      .counter = "reflection_webhook_tries_total",
                                      .result_label = "outcome"};
    int err = rf_webhook_start(&config, &h->sender);
    if (err < 0) {
        free(h);
        return err;
    }
    *ret = h;
    return 0;
}

job_hooks *job_hooks_stop(job_hooks *h)
{
    if (h != NULL) {
        h->sender = rf_webhook_stop(h->sender);
        while (h->waiting != NULL) { /* taken, and not begun */
            taken *t = h->waiting;
            h->waiting = t->next;
            keep_verdict(h, t->m.id, RF_WEBHOOK_RELEASED, rf_time_wall_ms());
            free_taken(t);
        }
        free(h);
    }
    return NULL;
}

void job_hooks_wake(job_hooks *h)
{
    if (h != NULL) {
        rf_webhook_wake(h->sender);
    }
}
