/* Events as webhooks: one for each finished segment, end, failed store and deletion, signed, small,
 * through the guard, again after a restart under the same id. */
#include "hook_receiver.h"
#include "recorder_delete.h"
#include "recorder_event_json.h"
#include "recorder_text.h"
#include "recorder_world.h"
#include "rf_file.h"
#include "rf_metric.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define ATTEMPTS "reflection_recorder_webhook_attempts_total"

typedef struct hooked_world {
    recorder_world world;
    hook_receiver receiver;
    char *url;
    char *secret;
} hooked_world;

static void open_hooked(hooked_world *h, bool loopback)
{
    const char *const settings[] = {h->url, h->secret,
                                    loopback ? "--fetch.allow_loopback=true" : NULL, NULL};
    world_open(&h->world, settings);
}

static void begin(hooked_world *h, bool loopback)
{
    world_init(&h->world);
    hook_receiver_start(&h->receiver);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secret", h->world.dir);
    cr_assert_eq(rf_file_write_atomic(path, HOOK_SECRET "\n", sizeof(HOOK_SECRET), 0600), 0);
    h->url = rf_asprintf("--recorder.webhook_url=http://127.0.0.1:%d/recordings", h->receiver.port);
    h->secret = rf_asprintf("--recorder.webhook_secret_file=%s", path);
    open_hooked(h, loopback);
}

static void end(hooked_world *h)
{
    world_close(&h->world);
    hook_receiver_stop(&h->receiver);
    free(h->url);
    free(h->secret);
    world_done(&h->world);
}

static const char *text(const json_t *event, const char *name)
{
    const char *s = json_string_value(json_object_get(event, name));
    return s != NULL ? s : "";
}

static int64_t number(const json_t *event, const char *name)
{
    return json_integer_value(json_object_get(event, name));
}

static void on_deleted(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    cr_expect_eq(error->code, RECORDER_OK);
}

static void delete_session(recorder_world *w, void *user)
{
    recorder_error error;
    (void)w;
    cr_assert_eq(recorder_delete(user, false, on_deleted, NULL, &error), RECORDER_OK);
}

static recorder_session *record(recorder_world *w, char id[RECORDER_ID_TEXT])
{
    recorder_session *s;
    cr_assert_eq(world_start(w, "tenant", "", &s), RECORDER_OK);
    (void)recorder_text_id(s->take->start.id, id);
    cr_assert_eq(world_audio(w, s, 0, RATE), 0);
    cr_assert_eq(world_audio(w, s, RATE + 80, RATE), 0);
    return s;
}

Test(recorder_webhooks, section_7_segment_end_and_deletion_are_posted_signed_with_all_fields)
{
    hooked_world h;
    char id[RECORDER_ID_TEXT];
    char hex[2 * RECORDER_SHA256_LEN + 1];
    begin(&h, true);
    recorder_session *s = record(&h.world, id);
    cr_assert_eq(world_stop(&h.world, s), RECORDER_OK);
    recorder_take *take = world_take(&h.world, s);
    world_do(&h.world, delete_session, s);
    cr_assert(hook_receiver_await(&h.receiver, 3));
    const json_t *segment = hook_receiver_find(&h.receiver, "SEGMENT_FINISHED", id);
    const json_t *ended = hook_receiver_find(&h.receiver, "SESSION_ENDED", id);
    const json_t *deleted = hook_receiver_find(&h.receiver, "SEGMENT_DELETED", id);
    cr_assert(segment != NULL && ended != NULL && deleted != NULL);
    char key[RECORDER_KEY_SIZE];
    recorder_take_segment_key(take, 0, key);
    cr_expect_str_eq(text(segment, "tenant"), "tenant");
    cr_expect_str_eq(text(segment, "key"), key);
    cr_expect_str_eq(text(segment, "format"), "wav");
    cr_expect_str_eq(text(segment, "sample_format"), "int16");
    cr_expect_str_eq(text(segment, "state"), "STORED");
    cr_expect_str_eq(text(segment, "end_reason"), "stop");
    for (size_t i = 0; i < RECORDER_SHA256_LEN; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", take->segments.items[0].sha256[i]);
    }
    cr_expect_str_eq(text(segment, "sha256"), hex);
    cr_expect_eq(number(segment, "sequence"), 1);
    cr_expect_eq(number(segment, "rate"), RATE);
    cr_expect_eq(number(segment, "channels"), 1);
    cr_expect_eq(number(segment, "frames"), 2 * RATE + 80);
    cr_expect_eq(number(segment, "duration_ms"), 2005);
    cr_expect_eq(number(segment, "bytes"), (int64_t)take->segments.items[0].bytes);
    cr_expect_eq(number(segment, "started_at_ns"), recorder_take_started_at(take));
    cr_expect_eq(number(segment, "ended_at_ns"), recorder_take_ended_at(take));
    cr_expect_gt(number(segment, "emitted_at_ns"), 0);
    const json_t *gap = json_array_get(json_object_get(segment, "gaps"), 0);
    cr_expect_eq(number(gap, "start_frame"), RATE);
    cr_expect_eq(number(gap, "length_frames"), 80);
    cr_expect_str_eq(text(gap, "cause"), "network");
    cr_expect_eq(number(ended, "sequence"), 0);
    for (int i = 0; i < 3; i++) {
        cr_expect(h.receiver.got[i].genuine, "the signature of %d", i);
        cr_expect_str_eq(h.receiver.got[i].id, text(h.receiver.got[i].event, "event_id"));
    }
    recorder_take_free(take);
    end(&h);
}

static void finalize(recorder_world *w, void *user)
{
    (void)w;
    recorder_session_finalize(user, RECORDER_REASON_STOP);
}

Test(recorder_webhooks, section_7_a_store_that_fails_is_posted_once)
{
    hooked_world h;
    char id[RECORDER_ID_TEXT];
    rf_store *broken;
    begin(&h, true);
    rf_store *real = h.world.service.store;
    RF_CLEANUP(rf_cleanup_free) char *gone = rf_asprintf("dir:%s/gone", h.world.dir);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s/gone'; touch '%s/gone'", h.world.dir, h.world.dir);
    cr_assert_eq(rf_store_open(gone, &broken), 0);
    cr_assert_eq(system(command), 0);
    recorder_session *s = record(&h.world, id);
    h.world.service.store = broken;
    world_do(&h.world, finalize, s);
    cr_assert(hook_receiver_await(&h.receiver, 1));
    cr_expect_not_null(hook_receiver_find(&h.receiver, "STORE_FAILED", id));
    h.world.service.store = real;
    cr_assert_eq(world_stop(&h.world, s), RECORDER_OK);
    cr_assert(hook_receiver_await(&h.receiver, 3));
    cr_expect_not_null(hook_receiver_find(&h.receiver, "SESSION_ENDED", id));
    cr_expect_eq(atomic_load(&h.receiver.n), 3);
    end(&h);
    rf_store_close(broken);
}

Test(recorder_webhooks, section_7_what_was_cut_short_is_posted_again_after_a_restart)
{
    hooked_world h;
    char id[RECORDER_ID_TEXT];
    begin(&h, true);
    atomic_store(&h.receiver.silent, true);
    recorder_session *s = record(&h.world, id);
    cr_assert_eq(world_stop(&h.world, s), RECORDER_OK);
    cr_assert(hook_receiver_await(&h.receiver, 1));
    world_close(&h.world);
    const int before = atomic_load(&h.receiver.n);
    atomic_store(&h.receiver.silent, false);
    open_hooked(&h, true);
    cr_assert(hook_receiver_await(&h.receiver, before + 2));
    int seen = 0;
    for (int i = before; i < atomic_load(&h.receiver.n); i++) {
        seen += strcmp(h.receiver.got[i].id, h.receiver.got[0].id) == 0;
    }
    cr_expect_eq(seen, 1, "under the same id");
    end(&h);
}

Test(recorder_webhooks, section_7_an_internal_address_is_not_posted_to)
{
    hooked_world h;
    char id[RECORDER_ID_TEXT];
    begin(&h, false);
    const rf_metric *failed = rf_metric_counter(ATTEMPTS, "", "result=\"failed\"");
    recorder_session *s = record(&h.world, id);
    cr_assert_eq(world_stop(&h.world, s), RECORDER_OK);
    for (int i = 0; i < 2000 && rf_metric_value(failed) < 2; i++) {
        usleep(5000);
    }
    cr_expect_geq(rf_metric_value(failed), 2.0);
    cr_expect_eq(atomic_load(&h.receiver.n), 0);
    end(&h);
}

Test(recorder_webhooks, section_7_a_receiver_that_is_gone_keeps_no_session_from_its_store)
{
    hooked_world h;
    char id[RECORDER_ID_TEXT];
    begin(&h, true);
    world_close(&h.world);
    atomic_store(&h.receiver.silent, true);
    const char *const settings[] = {h.url, h.secret, "--recorder.webhook_backlog=1",
                                    "--fetch.allow_loopback=true", NULL};
    const rf_metric *given_up = rf_metric_counter(ATTEMPTS, "", "result=\"given_up\"");
    world_open(&h.world, settings);
    for (int i = 0; i < 3; i++) {
        recorder_session *s = record(&h.world, id);
        cr_expect_eq(world_stop(&h.world, s), RECORDER_OK);
    }
    cr_expect_float_eq(rf_metric_value(given_up), 5, 0.1, "six events, one waits");
    end(&h);
}

Test(recorder_webhooks, section_7_settings_that_cannot_be_right_are_refused)
{
    recorder_world w;
    recorder_outbox *outbox;
    world_init(&w);
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_asprintf("%s/outbox", w.dir);
    RF_CLEANUP(rf_cleanup_free) char *good = rf_asprintf("%s/good", w.dir);
    RF_CLEANUP(rf_cleanup_free) char *bad = rf_asprintf("%s/bad", w.dir);
    RF_CLEANUP(rf_cleanup_free) char *none = rf_asprintf("%s/none", w.dir);
    cr_assert_eq(rf_file_write_atomic(good, HOOK_SECRET, strlen(HOOK_SECRET), 0600), 0);
    cr_assert_eq(rf_file_write_atomic(bad, "secret", 6, 0600), 0);
    char *ports[] = {(char *)(uintptr_t) "443"};
    struct {
        char *url;
        char *secret;
        int err;
    } cases[] = {
        {"https://example.com/hook", good, 0},       {"https://example.com/hook", bad, -EINVAL},
        {"https://example.com/hook", none, -EINVAL}, {"https://example.com/hook", "", -EINVAL},
        {"ftp://example.com/hook", good, -EINVAL},   {"", "", 0}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const recorder_config config = {
            .webhook_url = cases[i].url,
            .webhook_secret_file = cases[i].secret,
            .webhook_backlog = 1,
            .fetch = {.ports = {.items = ports, .n = 1}, .ca_file = ""}};
        int err = recorder_outbox_open(&config, dir, NULL, &outbox);
        cr_expect_eq(err, cases[i].err, "%zu: %d", i, err);
        if (err == 0) {
            recorder_outbox_close(outbox);
        }
    }
    world_done(&w);
}

Test(recorder_webhooks, section_7_lists_are_cut_so_that_the_body_keeps_within_20_kB)
{
    static recorder_gap gaps[1000];
    static recorder_marker markers[1000];
    uint8_t id[RECORDER_ID_LEN] = {1};
    char label[RECORDER_LABEL_MAX + 1];
    rf_buf out;
    memset(label, '\n', RECORDER_LABEL_MAX); /* two bytes each, escaped */
    label[RECORDER_LABEL_MAX] = '\0';
    for (size_t i = 0; i < RF_ARRAY_LEN(gaps); i++) {
        gaps[i] = (recorder_gap){INT64_MAX, INT64_MAX, INT64_MAX, RECORDER_GAP_DEVICE_LOST, 1, 1};
        markers[i] = (recorder_marker){INT64_MAX, INT64_MAX, label};
    }
    recorder_event e = {.type = RECORDER_EVENT_SESSION_ENDED,
                        .tenant = "t",
                        .session_id = id,
                        .end_reason = "stop",
                        .gaps = gaps,
                        .n_gaps = RF_ARRAY_LEN(gaps),
                        .markers = markers,
                        .n_markers = RF_ARRAY_LEN(markers),
                        .trace_id = ""};
    memset(e.key, 'k', RECORDER_KEY_SIZE - 1);
    rf_buf_init(&out, RECORDER_EVENT_JSON_MAX);
    cr_assert_eq(recorder_event_json(&e, &out), 0);
    cr_expect_leq(out.len, (size_t)20000);
    json_t *json = json_loadb((const char *)out.data, out.len, 0, NULL);
    cr_assert_not_null(json);
    cr_expect_geq(json_array_size(json_object_get(json, "gaps")), 8);
    cr_expect_eq(json_array_size(json_object_get(json, "markers")),
                 json_array_size(json_object_get(json, "gaps")));
    cr_expect_eq(number(json, "n_gaps"), 1000);
    cr_expect_eq(number(json, "n_markers"), 1000);
    json_decref(json);
    rf_buf_done(&out);
}
