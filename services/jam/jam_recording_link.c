/* The link of a recording to the recorder, and what follows when the take is over. */
#include "jam_recording_internal.h"

#include "rf_log.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MIN_NS (250 * RF_NS_PER_MS)
#define RETRY_MAX_NS (2 * RF_NS_PER_S)
#define NOTES_TRIES 5
#define NOTES_EXTRA ((size_t)512 << 10) /* what the document has beside the lists */

void jam_recording_drop_link(jam_recording *r)
{
    if (r->link != NULL) {
        r->recorder->close(RF_STEAL(r->link));
    }
    r->is_ready = false;
}

/* ---- the control log ---- */

static void on_notes(void *user, int err);

void jam_recording_send_notes(jam_recording *r)
{
    rf_buf json;
    const jam_recording_summary end = {.id = r->id,
                                       .key = r->key,
                                       .name = r->name,
                                       .start_sample = r->begin,
                                       .n_samples = r->n_frames,
                                       .missing = r->missing,
                                       .n_ranges = r->n_ranges};
    rf_buf_init(&json, JAM_RECORDING_LOG_MAX + NOTES_EXTRA);
    int err = jam_recording_log_write(&r->log, &end, &json);
    r->notes_tries++;
    if (err == 0) {
        r->notes =
            r->recorder->notes(r->recorder, r->tenant, r->id, rf_buf_str(&json), on_notes, r);
    } else {
        RF_LOG_ERROR("control log not written", RF_STR("recording", r->id), RF_INT("error", err));
    }
    rf_buf_done(&json);
    if (err < 0) {
        jam_recording_finish(r, r->stored_as, "NOTES_FAILED");
    }
}

static void on_notes(void *user, int err)
{
    jam_recording *r = user;
    r->notes = NULL;
    if (err == 0) {
        jam_recording_finish(r, r->stored_as, r->stored_code);
    } else if (r->notes_tries < NOTES_TRIES) {
        r->retry_ns = rf_time_ns() + RETRY_MAX_NS;
        rf_timer_set(r->timer, r->retry_ns);
    } else {
        RF_LOG_ERROR("control log not stored", RF_STR("recording", r->id), RF_INT("error", err));
        jam_recording_finish(r, r->stored_as, "NOTES_FAILED");
    }
}

/* The take is the recorder's; its control log follows. */
static void conclude(jam_recording *r, jam_recording_state state, const char *code)
{
    jam_recording_drop_link(r);
    if (state == JAM_RECORDING_INCOMPLETE) {
        jam_recording_miss(r, r->durable, r->n_frames);
    }
    jam_recording_buffer_done(r);
    r->durable = r->sent = r->n_frames;
    r->is_concluded = true;
    r->give_up_ns = RF_NEVER_NS;
    r->is_ended = true;
    r->stored_as = state;
    rf_copy_str(r->stored_code, sizeof(r->stored_code), code);
    r->end = RF_MIN(r->end, INT64_MAX - 1);
    jam_recording_enter(r, JAM_RECORDING_STOPPING, "");
    jam_recording_send_notes(r);
}

/* ---- events of the link ---- */

static void lose(jam_recording *r)
{
    int64_t now_ns = rf_time_ns();
    jam_recording_drop_link(r);
    r->stop_sent = false;
    r->retry_step_ns = RF_MIN(RF_MAX(2 * r->retry_step_ns, RETRY_MIN_NS), RETRY_MAX_NS);
    r->retry_ns = now_ns + r->retry_step_ns;
    if (r->is_ended && r->give_up_ns == RF_NEVER_NS) {
        r->give_up_ns = now_ns + JAM_RECORDING_ENDING_NS;
    }
    if (r->state == JAM_RECORDING_WAITING || r->state == JAM_RECORDING_RECORDING) {
        jam_recording_enter(r, JAM_RECORDING_INTERRUPTED, "UNAVAILABLE");
    }
    rf_timer_set(r->timer, r->must_tell ? now_ns : r->retry_ns);
}

static void on_begun(void *user, const char *id, const char *key, int64_t next_frame)
{
    jam_recording *r = user;
    rf_copy_str(r->id, sizeof(r->id), id);
    rf_copy_str(r->key, sizeof(r->key), key);
    r->is_ready = true;
    r->retry_step_ns = 0;
    r->give_up_ns = RF_NEVER_NS; /* a long take is long in being stored */
    r->sent = RF_MIN(next_frame, r->n_frames);
    r->durable = RF_MAX(r->durable, r->sent);
    jam_recording_acknowledged(r, r->sent);
    if (!r->is_ended) {
        jam_recording_enter(r, JAM_RECORDING_RECORDING, "");
    }
    jam_recording_pump(r);
}

static void on_durable(void *user, int64_t n_frames)
{
    jam_recording *r = user;
    r->durable = RF_MAX(r->durable, RF_MIN(n_frames, r->sent));
    jam_recording_acknowledged(r, r->durable);
    jam_recording_pump(r);
    if (r->hand_over != NULL && r->durable == r->n_frames) {
        rf_timer_set(r->timer, rf_time_ns());
    }
}

static void on_room(void *user)
{
    jam_recording_pump(user);
}

/* The recorder restarts, or reads the take just now; or the take has another publisher: the one
 * before us, of whose end the recorder does not know yet. */
static bool is_for_now(const jam_recording *r, const char *code)
{
    return !r->is_ready && (strcmp(code, "NOT_INITIALISED") == 0 ||
                            (r->id[0] != '\0' && strcmp(code, "ALREADY_RECORDING") == 0));
}

static void on_refused(void *user, const char *code)
{
    jam_recording *r = user;
    if (is_for_now(r, code)) {
        lose(r);
    } else if (r->id[0] == '\0') {
        jam_recording_finish(r, JAM_RECORDING_FAILED, code);
    } else if (r->stop_sent) {
        jam_recording_finish(r, JAM_RECORDING_PENDING, code);
    } else if (strcmp(code, "NOT_INITIALISED") != 0) { /* that one says: it restarts */
        conclude(r, JAM_RECORDING_INCOMPLETE, code);
    }
}

static void on_stopped(void *user)
{
    jam_recording *r = user;
    bool is_whole = r->stop_sent || r->durable == r->n_frames;
    if (r->stop_sent) {
        r->durable = r->n_frames;
    }
    conclude(r, is_whole && r->n_missing == 0 ? JAM_RECORDING_STORED : JAM_RECORDING_INCOMPLETE,
             r->stop_sent ? (r->n_missing == 0 ? "" : "GAPS") : "ENDED_BY_RECORDER");
}

static void on_lost(void *user)
{
    lose(user);
}

static const jam_link_events events = {.begun = on_begun,
                                       .durable = on_durable,
                                       .room = on_room,
                                       .refused = on_refused,
                                       .stopped = on_stopped,
                                       .lost = on_lost};

/* ---- opening ---- */

/* A name may hold what a key may not (recorder.md K2). */
static void key_part(const char *name, char ret[JAM_STYLE_NAME_SIZE])
{
    static const char fine[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-=@+";
    rf_copy_str(ret, JAM_STYLE_NAME_SIZE, name);
    for (char *p = ret; *p != '\0'; p++) {
        bool is_plain = strchr(fine, *p) != NULL && (p > ret || *p != '.');
        bool is_wide = (unsigned char)*p >= 0x80;
        if ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0) { /* U+0080 to U+009F */
            *p++ = '-';
            is_wide = false;
        }
        *p = is_plain || is_wide ? *p : '-';
    }
}

void jam_recording_open_link(jam_recording *r)
{
    char part[JAM_STYLE_NAME_SIZE];
    char body[512];
    r->retry_ns = RF_NEVER_NS;
    if (r->id[0] != '\0') {
        r->link = r->recorder->attach(r->recorder, r->tenant, r->id, &events, r);
        return;
    }
    key_part(r->name, part);
    snprintf(body, sizeof(body),
             "{\"source\":\"network\",\"prefixes\":[\"jam\"%s%s%s],\"sample_format\":\"float32\","
             "\"channels\":%d,\"rate\":%d,\"store_format\":\"wav\"}",
             part[0] != '\0' ? ",\"" : "", part, part[0] != '\0' ? "\"" : "", JAM_CHANNELS,
             JAM_RATE_HZ);
    r->link = r->recorder->start(r->recorder, r->tenant, body, &events, r);
}
