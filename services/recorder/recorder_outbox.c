#include "recorder_outbox.h"

#include "recorder_event_json.h"
#include "recorder_events.h"
#include "rf_bus.h"
#include "rf_file.h"
#include "rf_log.h"
#include "rf_metric.h"
#include "rf_outbox_hooks.h"
#include "rf_outbox_relay.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FLUSH_NS (10 * RF_NS_PER_S)
#define SECRETS_BYTES 1024
#define ATTEMPTS "reflection_recorder_webhook_attempts_total"

struct recorder_outbox {
    rf_outbox *events;
    rf_bus *bus; /* NULL: none */
    rf_outbox_relay *relay;
    char *hook;         /* URL; NULL: none */
    size_t backlog_max; /* webhooks that wait */
    rf_webhook_secrets secrets;
    rf_fetch *fetch;
    rf_webhook *sender;
    rf_metric *counts[RECORDER_EVENT_SEGMENT_DELETED + 1]; /* by type */
    rf_metric *given_up;
};

static void make_metrics(recorder_outbox *o)
{
    static const char *const results[] = {
        "ok", "failed", "gone", "given_up"}; /* of rf_webhook.h; the last is used here too */
    char label[64];
    for (int type = RECORDER_EVENT_SEGMENT_FINISHED; type <= RECORDER_EVENT_SEGMENT_DELETED;
         type++) {
        (void)snprintf(label, sizeof(label), "type=\"%s\"",
                       recorder_event_type_name((recorder_event_type)type));
        o->counts[type] =
            rf_metric_counter("reflection_recorder_events_total", "Events told.", label);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(results); i++) {
        (void)snprintf(label, sizeof(label), "result=\"%s\"", results[i]);
        o->given_up = rf_metric_counter(ATTEMPTS, "Attempts to send webhooks.", label);
    }
}

/* ---- webhooks ---- */

static int wrong(const char *setting, const char *why)
{
    RF_LOG_ERROR("a webhook setting is wrong", RF_STR("setting", setting), RF_STR("why", why));
    return -EINVAL;
}

/* One secret a line, the newest first. */
static int read_secrets(recorder_outbox *o, const char *path)
{
    rf_buf text;
    char *rest;
    rf_buf_init(&text, SECRETS_BYTES);
    int err = rf_file_read(path, &text);
    char *line = err == 0 ? strtok_r((char *)(uintptr_t)rf_buf_str(&text), "\r\n", &rest) : NULL;
    for (; err == 0 && line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        if (!rf_webhook_secret_valid(line) || o->secrets.n == RF_WEBHOOK_MAX_SECRETS) {
            err = -EINVAL;
        } else {
            (void)rf_copy_str(o->secrets.text[o->secrets.n++], RF_WEBHOOK_SECRET_SIZE, line);
        }
    }
    rf_buf_done(&text);
    return err < 0 || o->secrets.n == 0
               ? wrong("recorder.webhook_secret_file", "1 to 4 lines of whsec_ and base64")
               : 0;
}

/* What an earlier setting left behind has no secret any more. */
static int secrets_of(void *user, const char *owner, const char *url, rf_webhook_secrets *ret)
{
    const recorder_outbox *o = user;
    (void)owner;
    if (o->hook == NULL || strcmp(url, o->hook) != 0) {
        return -ENOENT;
    }
    *ret = o->secrets;
    return 0;
}

static int start_sender(recorder_outbox *o, const recorder_config *config)
{
    int err = rf_service_fetch_open(&config->fetch, NULL, &o->fetch);
    if (err < 0) {
        return err;
    }
    const rf_webhook_config sender = {.fetch = o->fetch,
                                      .source = &rf_outbox_hooks,
                                      .self = o->events,
                                      .secrets = secrets_of,
                                      .user = o,
                                      .counter = ATTEMPTS};
    err = rf_webhook_start(&sender, &o->sender);
    if (err == 0) {
        rf_outbox_hooks_attach(o->events, o->sender);
    }
    return err;
}

static int open_hook(recorder_outbox *o, const recorder_config *config)
{
    const char *why = NULL;
    if (config->webhook_url[0] != '\0') {
        if (rf_fetch_url_form(config->webhook_url, &why) < 0) {
            return wrong("recorder.webhook_url", why);
        }
        int err = read_secrets(o, config->webhook_secret_file);
        if (err < 0) {
            return err;
        }
        o->hook = rf_strdup(config->webhook_url);
        o->backlog_max = (size_t)config->webhook_backlog;
    }
    rf_outbox_stats stats;
    rf_outbox_get_stats(o->events, &stats);
    return o->hook != NULL || stats.n_events[RF_OUTBOX_HOOK] > 0 ? start_sender(o, config) : 0;
}

/* ---- life ---- */

static int open_bus(recorder_outbox *o, const char *bus_url)
{
    const rf_bus_config bus = {.url = bus_url};
    int err = rf_bus_open(&bus, &o->bus);
    return err == 0 ? rf_outbox_relay_start(o->events, o->bus, &o->relay) : err;
}

int recorder_outbox_open(const recorder_config *config, const char *dir, const char *bus_url,
                         recorder_outbox **ret)
{
    recorder_outbox *o = RF_NEW(recorder_outbox);
    const rf_outbox_config events = {.dir = dir, .gauge = "reflection_recorder_event_outbox"};
    make_metrics(o);
    int err = rf_outbox_open(&events, &o->events);
    err = err == 0 && bus_url != NULL ? open_bus(o, bus_url) : err;
    err = err == 0 ? open_hook(o, config) : err;
    if (err < 0) {
        RF_LOG_ERROR("events cannot be sent", RF_STR("why", strerror(-err)));
        recorder_outbox_close(o);
        return err;
    }
    *ret = o;
    return 0;
}

recorder_outbox *recorder_outbox_close(recorder_outbox *o)
{
    if (o == NULL) {
        return NULL;
    }
    if (o->sender != NULL) {
        rf_outbox_hooks_attach(o->events, NULL);
    }
    o->sender = rf_webhook_stop(o->sender);
    rf_fetch_free(o->fetch);
    o->relay = rf_outbox_relay_stop(o->relay);
    rf_outbox_close(o->events);
    rf_bus_close(o->bus);
    free(o->hook);
    explicit_bzero(&o->secrets, sizeof(o->secrets));
    free(o);
    return NULL;
}

bool recorder_outbox_wants_json(const recorder_outbox *o)
{
    return o->hook != NULL;
}

/* A receiver that is long gone must not keep sessions from being stored. */
static bool posts(recorder_outbox *o)
{
    rf_outbox_stats stats;
    if (o->hook == NULL) {
        return false;
    }
    rf_outbox_get_stats(o->events, &stats);
    if (stats.n_events[RF_OUTBOX_HOOK] >= o->backlog_max) {
        RF_LOG_ERROR("an event is not posted, too many wait for the receiver",
                     RF_INT("most", o->backlog_max));
        rf_metric_add(o->given_up, 1);
        return false;
    }
    return true;
}

int recorder_outbox_put(recorder_outbox *o, const recorder_outbox_event *event)
{
    const rf_outbox_event routes[] = {
        {.route = RF_OUTBOX_BUS,
         .id = event->id,
         .target = RECORDER_EVENTS_TOPIC,
         .key = event->key,
         .key_len = strlen(event->key),
         .body = event->body,
         .body_len = event->body_len},
        {.route = RF_OUTBOX_HOOK,
         .id = event->id,
         .target = o->hook,
         .owner = event->tenant,
         .body = event->json,
         .body_len = event->json_len},
    };
    int err = rf_outbox_append(o->events, routes, posts(o) ? 2 : 1, NULL, NULL);
    err = err == 0 ? rf_outbox_flush(o->events, rf_time_ns() + FLUSH_NS) : err;
    if (err == 0) {
        rf_metric_add(o->counts[event->type], 1);
    }
    return err;
}
