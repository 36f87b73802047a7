#include "rf_webhook.h"

#include "rf_fetch_post.h"
#include "rf_id.h"
#include "rf_log.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 15000
#define DEFAULT_IN_FLIGHT 64
#define ASK_AGAIN_MS 1000
#define SECRETS_AGAIN_MS 60000
#define WAIT_MAX_MS 60000
#define HEADER_SIZE 512

enum { N_HEADERS = 4 };

typedef enum result { RESULT_OK, RESULT_FAILED, RESULT_GONE, RESULT_GIVEN_UP, N_RESULTS } result;

struct rf_webhook {
    rf_webhook_config config;
    rf_fetch_poster *poster;
    rf_metric *counters[N_RESULTS]; /* NULL: none */
    pthread_t thread;
    atomic_bool stopping;
    unsigned n_flying; /* of the thread */
};

/* One attempt. */
typedef struct attempt {
    rf_webhook *w;
    rf_webhook_message message;
    char headers[N_HEADERS][HEADER_SIZE];
} attempt;

/* ---- schedule ---- */

int64_t rf_webhook_delay_ms(unsigned attempts)
{
    static const int64_t after_s[RF_WEBHOOK_ATTEMPTS] = {
        0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400,
    };
    return attempts < RF_WEBHOOK_ATTEMPTS ? after_s[attempts] * 1000 : -1;
}

static int64_t next_due_ms(const rf_webhook *w, unsigned attempts, int64_t retry_after_s)
{
    int64_t delay_ms = rf_webhook_delay_ms(attempts);
    int64_t most_ms = delay_ms * w->config.jitter_percent / 100;
    delay_ms += most_ms > 0 ? (int64_t)rf_random_u64((uint64_t)most_ms + 1) : 0;
    if (w->config.honour_retry_after) {
        int64_t asked_s = RF_MIN(retry_after_s, (int64_t)RF_WEBHOOK_MAX_RETRY_AFTER_S);
        delay_ms = RF_MAX(delay_ms, asked_s * 1000);
    }
    return rf_time_wall_ms() + delay_ms;
}

/* ---- what an attempt came to ---- */

static void count(const rf_webhook *w, result r)
{
    if (w->counters[r] != NULL) {
        rf_metric_add(w->counters[r], 1);
    }
}

static void settle(attempt *a, rf_webhook_verdict verdict, int64_t due_ms)
{
    rf_webhook *w = a->w;
    w->config.source->settle(w->config.self, &a->message, verdict, due_ms);
    free(a);
}

static void failed(attempt *a, const rf_fetch_result *r, int64_t retry_after_s)
{
    const rf_webhook *w = a->w;
    unsigned attempts = a->message.attempts + 1;
    bool last = attempts >= RF_WEBHOOK_ATTEMPTS;
    count(w, last ? RESULT_GIVEN_UP : RESULT_FAILED);
    if (last) {
        RF_LOG_WARN("webhook given up", RF_STR("event", a->message.id),
                    RF_INT("status", r->http_status), RF_STR("detail", r->detail));
        settle(a, RF_WEBHOOK_GIVEN_UP, 0);
        return;
    }
    settle(a, RF_WEBHOOK_RETRY, next_due_ms(w, attempts, retry_after_s));
}

static void gone(attempt *a)
{
    const rf_webhook_config *c = &a->w->config;
    count(a->w, RESULT_GONE);
    if (c->gone != NULL) {
        c->gone(c->user, a->message.owner, a->message.url);
    }
    settle(a, RF_WEBHOOK_GONE, 0);
}

static void posted(const rf_fetch_result *r, int64_t retry_after_s, void *user)
{
    attempt *a = user;
    a->w->n_flying--;
    if (r->outcome == RF_FETCH_OK) {
        count(a->w, RESULT_OK);
        settle(a, RF_WEBHOOK_DELIVERED, 0);
    } else if (r->outcome == RF_FETCH_CANCELLED || r->outcome == RF_FETCH_LOCAL) {
        settle(a, RF_WEBHOOK_RELEASED, rf_time_wall_ms() + ASK_AGAIN_MS);
    } else if (r->http_status == 410) {
        gone(a);
    } else {
        failed(a, r, retry_after_s);
    }
}

/* ---- beginning one ---- */

static int fill_headers(attempt *a, const rf_webhook_secrets *secrets)
{
    const rf_webhook_message *m = &a->message;
    int64_t now_s = rf_time_wall_ms() / 1000;
    rf_buf signature;
    rf_buf_init(&signature, HEADER_SIZE - 32);
    int err = rf_webhook_sign(secrets, m->id, now_s, m->body, m->body_len, &signature);
    if (err == 0) {
        snprintf(a->headers[0], HEADER_SIZE, "Content-Type: application/json");
        snprintf(a->headers[1], HEADER_SIZE, "webhook-id: %s", m->id);
        snprintf(a->headers[2], HEADER_SIZE, "webhook-timestamp: %" PRId64, now_s);
        snprintf(a->headers[3], HEADER_SIZE, "webhook-signature: %s", rf_buf_str(&signature));
    }
    rf_buf_done(&signature);
    return err;
}

static void post(attempt *a)
{
    const char *headers[N_HEADERS];
    for (size_t i = 0; i < N_HEADERS; i++) {
        headers[i] = a->headers[i];
    }
    const rf_fetch_post request = {
        .kind = RF_FETCH_WEBHOOK,
        .url = a->message.url,
        .headers = headers,
        .n_headers = N_HEADERS,
        .body = a->message.body,
        .body_len = a->message.body_len,
        .timeout_ms = a->w->config.timeout_ms,
    };
    a->w->n_flying++;
    rf_fetch_poster_add(a->w->poster, &request, posted, a);
}

/* No secret that signs, or a message that must not go out: no attempt would ever be better. */
static void refuse(attempt *a)
{
    count(a->w, RESULT_GIVEN_UP);
    RF_LOG_ERROR("webhook cannot be sent", RF_STR("event", a->message.id));
    settle(a, RF_WEBHOOK_GIVEN_UP, 0);
}

static void begin(rf_webhook *w, const rf_webhook_message *message)
{
    rf_webhook_secrets secrets = {.n = 0};
    attempt *a = RF_NEW(attempt);
    a->w = w;
    a->message = *message;
    int err = w->config.secrets(w->config.user, message->owner, message->url, &secrets);
    if (err == -ENOENT) {
        settle(a, RF_WEBHOOK_DROPPED, 0);
    } else if (err < 0) {
        settle(a, RF_WEBHOOK_RELEASED, rf_time_wall_ms() + SECRETS_AGAIN_MS);
    } else if (message->body_len > RF_WEBHOOK_MAX_BODY || strlen(message->id) > HEADER_SIZE - 32 ||
               fill_headers(a, &secrets) < 0) {
        refuse(a);
    } else {
        post(a);
    }
    explicit_bzero(&secrets, sizeof(secrets));
}

/* ---- the thread ---- */

/* Begins all that is due and has room; returns when to ask again. */
static int64_t begin_due(rf_webhook *w)
{
    while (w->n_flying < w->config.max_in_flight) {
        rf_webhook_message message;
        int64_t now_ms = rf_time_wall_ms();
        int64_t due_ms = INT64_MAX;
        int err = w->config.source->take(w->config.self, now_ms, &message, &due_ms);
        if (err == -EAGAIN) {
            return due_ms;
        }
        if (err < 0) {
            return now_ms + ASK_AGAIN_MS;
        }
        begin(w, &message);
    }
    return INT64_MAX;
}

/* A peer that hangs up within TLS raises SIGPIPE in the thread that writes. */
static void block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *sender_main(void *arg)
{
    rf_webhook *w = arg;
    block_sigpipe();
    while (!atomic_load(&w->stopping)) {
        int64_t due_ms = begin_due(w);
        int64_t now_ms = rf_time_wall_ms();
        int64_t wait_ms = due_ms <= now_ms ? 0 : due_ms - now_ms;
        rf_fetch_poster_run(w->poster, RF_MIN(wait_ms, (int64_t)WAIT_MAX_MS));
    }
    rf_fetch_poster_cancel(w->poster); /* calls back what it cuts */
    return NULL;
}

/* ---- life ---- */

static void make_counters(rf_webhook *w)
{
    static const char *const results[N_RESULTS] = {"ok", "failed", "gone", "given_up"};
    const char *label = w->config.result_label;
    for (size_t i = 0; w->config.counter != NULL && i < N_RESULTS; i++) {
        char labels[64];
        snprintf(labels, sizeof(labels), "%s=\"%s\"", label == NULL ? "result" : label, results[i]);
        w->counters[i] = rf_metric_counter(w->config.counter, "Attempts to send webhooks.", labels);
    }
    w->config.counter = NULL;
    w->config.result_label = NULL;
}

int rf_webhook_start(const rf_webhook_config *config, rf_webhook **ret)
{
    if (config->fetch == NULL || config->secrets == NULL || config->source == NULL ||
        config->source->version != RF_WEBHOOK_SOURCE_VERSION) {
        return -EINVAL;
    }
    rf_webhook *w = RF_NEW(rf_webhook);
    w->config = *config;
    w->config.timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
    w->config.max_in_flight =
        config->max_in_flight != 0 ? config->max_in_flight : DEFAULT_IN_FLIGHT;
    make_counters(w);
    w->poster = rf_fetch_poster_new(config->fetch);
    int err = pthread_create(&w->thread, NULL, sender_main, w);
    if (err != 0) {
        rf_fetch_poster_free(w->poster);
        free(w);
        return -err;
    }
    *ret = w;
    return 0;
}

rf_webhook *rf_webhook_stop(rf_webhook *w)
{
    if (w != NULL) {
        atomic_store(&w->stopping, true);
        rf_fetch_poster_wake(w->poster);
        pthread_join(w->thread, NULL);
        rf_fetch_poster_free(w->poster);
        free(w);
    }
    return NULL;
}

void rf_webhook_wake(rf_webhook *w)
{
    if (w != NULL) {
        rf_fetch_poster_wake(w->poster);
    }
}
