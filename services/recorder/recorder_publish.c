#include "recorder_publish.h"

#include "recorder_archive.h"
#include "recorder_events.h"
#include "recorder_extract.h"
#include "recorder_follow.h"
#include "recorder_kill.h"
#include "recorder_loud.h"
#include "recorder_meta.h"
#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MIN_NS RF_NS_PER_S
#define RETRY_MAX_NS (60 * RF_NS_PER_S)
#define RETRY_DOUBLINGS 6

typedef struct publish {
    recorder_task task; /* first */
    recorder_session *session;
    recorder_service *service;
    recorder_tap *tap;
    rf_buf snapshot;
    recorder_span piece; /* to be stored */
    bool has_piece;
    bool is_last;            /* the session is stored with it */
    recorder_change segment; /* of the piece */
    recorder_change stored;  /* of the last */
    recorder_loudness loudness;
    bool first_try;
    int err;
} publish;

/* ---- the pool's thread: works on a take of its own ---- */

static void output_of(const recorder_start *start, recorder_output *ret)
{
    const recorder_options *o = &start->options;
    *ret = (recorder_output){.flac_level = o->flac_level};
    if (recorder_format_parse(recorder_store_format_name(start->store_format), &ret->format) < 0) {
        abort(); /* the two tables have the same names */
    }
    if (ret->format == RECORDER_MP3) {
        ret->bitrate_bps = (uint32_t)o->mp3_kbps * 1000;
    } else if (ret->format == RECORDER_OPUS) {
        ret->bitrate_bps = (uint32_t)o->opus_kbps * 1000;
        ret->opus_complexity = (uint32_t)o->opus_complexity;
        ret->opus_fastest = o->opus_complexity == 0;
    }
}

/* The markers of a piece, counted from its begin. */
static rf_encode_cue *cues_of(const recorder_take *take, const recorder_span *piece, size_t *ret_n)
{
    rf_encode_cue *cues = RF_NEW_ARRAY(rf_encode_cue, take->markers.n + 1);
    int64_t end = piece->first_frame + piece->n_frames;
    *ret_n = 0;
    for (uint32_t i = 0; i < take->markers.n; i++) {
        const recorder_marker *m = &take->markers.items[i];
        int64_t at = m->frame - piece->first_frame;
        bool here = at >= 0 && (m->frame < end || (m->frame == end && end == take->frames));
        if (here && at <= UINT32_MAX) {
            cues[(*ret_n)++] = (rf_encode_cue){.frame = (uint32_t)at, .label = m->label};
        }
    }
    return cues;
}

static int write_put(void *user, const void *data, size_t len)
{
    return rf_store_put_write(user, data, len);
}

static int extract(publish *p, const recorder_take *take, recorder_loud *loud, rf_store_put *put)
{
    rf_media_error error;
    recorder_extract_params params = {.session = p->tap->pcm,
                                      .first = p->piece.first_frame,
                                      .count = p->piece.n_frames,
                                      .stored = true,
                                      .hear = loud != NULL ? recorder_loud_add : NULL,
                                      .hear_user = loud};
    RF_CLEANUP(rf_cleanup_close) int fd = recorder_tap_open(p->tap);
    if (fd < 0 && params.count > 0) {
        return fd;
    }
    RF_CLEANUP(rf_cleanup_free) rf_encode_cue *cues = cues_of(take, &p->piece, &params.n_cues);
    params.fd = fd;
    params.cues = cues;
    output_of(&take->start, &params.output);
    int err = recorder_extract(&params, write_put, put, NULL, &error);
    if (err == -EINVAL || err == -ENOTSUP) {
        RF_LOG_ERROR("a session cannot be stored in its format", RF_STR("why", error.message));
    }
    return err;
}

/* One pass: coded, hashed and measured. */
static int extract_piece(publish *p, const recorder_take *take, rf_store_put *put)
{
    bool measured = take->start.options.loudness != RECORDER_LOUDNESS_OFF;
    recorder_loud *loud = measured ? recorder_loud_new(&p->tap->pcm) : NULL;
    int err = extract(p, take, loud, put);
    if (err == 0 && measured) {
        p->loudness = recorder_loud_segment(loud);
    }
    recorder_loud_free(loud);
    return err;
}

/* The changes that will be made, so that metadata and events tell of what is then. */
static int apply_segment(publish *p, recorder_take *take, rf_store_put *put)
{
    recorder_segment *s = &p->segment.segment.segment;
    p->segment.kind = RECORDER_CHANGE_SEGMENT;
    p->segment.seq = take->seq + 1;
    p->segment.segment.sequence = take->segments.n + 1;
    memcpy(s->key_id, take->next_key_id, sizeof(s->key_id));
    s->first_frame = p->piece.first_frame;
    s->n_frames = p->piece.n_frames;
    s->bytes = rf_store_put_size(put);
    rf_store_put_sha256(put, s->sha256);
    s->loudness = p->loudness;
    rf_random(p->segment.segment.next_key_id, RECORDER_KEY_ID_LEN);
    return recorder_take_apply(take, &p->segment);
}

static int apply_stored(publish *p, recorder_take *take)
{
    p->stored.kind = RECORDER_CHANGE_STORED;
    p->stored.seq = take->seq + 1;
    p->stored.at.frame = take->frames;
    p->stored.at.utc_ns = rf_time_ns() + recorder_utc_offset_ns();
    return recorder_take_apply(take, &p->stored);
}

static int put_meta(const recorder_take *take, rf_store_put *put)
{
    rf_buf meta;
    rf_buf_init(&meta, RF_STORE_MAX_META);
    int err = recorder_meta_segment(take, take->segments.n - 1, &meta);
    err = err == 0 ? rf_store_put_meta(put, meta.data, meta.len) : err;
    rf_buf_done(&meta);
    return err;
}

static int commit(const recorder_take *take, rf_store_put *put)
{
    recorder_kill_point("metadata");
    int err = put_meta(take, put);
    recorder_kill_point("publish");
    return err == 0 ? rf_store_put_commit(put) : err;
}

static int store_piece(publish *p, recorder_take *take)
{
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    rf_store_put *put = NULL;
    recorder_take_key(take, key);
    int err = recorder_shelf_object(take->start.tenant, key, object);
    err = err == 0 ? rf_store_put_open(p->service->store, object, INT64_MAX, 0, &put) : err;
    err = err == 0 ? extract_piece(p, take, put) : err;
    err = err == 0 ? apply_segment(p, take, put) : err;
    err = err == 0 && p->is_last ? apply_stored(p, take) : err;
    err = err == 0 ? commit(take, put) : err;
    rf_store_put_free(put);
    return err;
}

static int store(publish *p, recorder_take *take)
{
    return p->has_piece ? store_piece(p, take) : apply_stored(p, take);
}

static int tell_bus(publish *p, const recorder_take *take)
{
    recorder_event e;
    int err = 0;
    recorder_kill_point("outbox");
    if (p->has_piece) {
        recorder_event_segment(take, RECORDER_EVENT_SEGMENT_FINISHED, take->segments.n - 1, &e);
        err = recorder_events_put(p->service->outbox, &e);
    }
    if (err == 0 && p->is_last) {
        recorder_event_session(take, RECORDER_EVENT_SESSION_ENDED, &e);
        err = recorder_events_put(p->service->outbox, &e);
    }
    recorder_kill_point("segment");
    return err;
}

static void tell_failure(publish *p, const recorder_take *take)
{
    recorder_event e;
    recorder_event_session(take, RECORDER_EVENT_STORE_FAILED, &e);
    (void)recorder_events_put(p->service->outbox, &e);
}

static void run(recorder_task *task)
{
    publish *p = (publish *)task;
    recorder_take *take = NULL;
    int64_t from_ns = rf_time_ns();
    p->err = recorder_take_unpack(p->snapshot.data, p->snapshot.len, &take);
    p->err = p->err == 0 ? store(p, take) : p->err;
    if (p->err == 0) {
        p->err = tell_bus(p, take);
    } else if (take != NULL && p->first_try) {
        tell_failure(p, take);
    }
    rf_metric_observe(p->service->metrics->publish_seconds, (double)(rf_time_ns() - from_ns) / 1e9);
    recorder_take_free(take);
}

/* ---- the loop ---- */

static void told(void *user, int64_t value)
{
    recorder_session *s = user;
    const recorder_error none = {.code = RECORDER_OK};
    (void)value;
    recorder_archive_write(s);
    recorder_registry_finished(s->service->registry, s);
    recorder_session_tell(s, &none);
}

static void release(void *user)
{
    recorder_session_unref(user);
}

/* The next segment's key is that of the change: it must not be lost once it is used. */
static void settled(void *user, int64_t value)
{
    recorder_session *s = user;
    (void)value;
    s->settling = false;
    recorder_follow_frames(s);
    recorder_publish_more(s);
}

static int change_marked(recorder_session *s, recorder_change *change, const recorder_mark_fns *fns)
{
    const recorder_mark mark = {fns, s, 0};
    recorder_session_ref(s);
    int err = recorder_session_change(s, change, &mark);
    if (err < 0) {
        recorder_session_unref(s);
    }
    return err;
}

static int finish(publish *p, recorder_session *s)
{
    static const recorder_mark_fns at_segment = {NULL, settled, release};
    static const recorder_mark_fns at_end = {NULL, told, release};
    int err = 0;
    if (p->has_piece) {
        err = change_marked(s, &p->segment, &at_segment);
        s->settling = err == 0;
    }
    if (err == 0 && p->is_last) {
        err = change_marked(s, &p->stored, &at_end);
    }
    s->n_failures = err == 0 ? 0 : s->n_failures;
    return err;
}

static int64_t retry_ns(const recorder_session *s)
{
    int64_t ns = RETRY_MIN_NS << RF_MIN(s->n_failures - 1, (uint32_t)RETRY_DOUBLINGS);
    ns = RF_MIN(ns, RETRY_MAX_NS);
    int64_t spread = ns * 2 / 5; /* +-20 % */
    return ns - spread / 2 + (int64_t)rf_random_u64((uint64_t)spread);
}

static void failed(recorder_session *s, int err)
{
    recorder_change change = {.kind = RECORDER_CHANGE_PENDING};
    char id[33];
    rf_hex(s->take->start.id, RECORDER_ID_LEN, id);
    RF_LOG_ERROR("a segment is not stored yet", RF_STR("session", id),
                 RF_STR("why", strerror(-err)));
    rf_metric_add(s->service->metrics->publish_failures, 1);
    change.at.frame = s->take->frames;
    change.at.utc_ns = rf_time_ns() + recorder_utc_offset_ns();
    if (s->take->live.state == RECORDER_FINALIZING &&
        recorder_session_change(s, &change, NULL) < 0) {
        RF_LOG_ERROR("PENDING does not fit the session", RF_STR("session", id));
    }
    s->n_failures++;
    s->publish_at_ns = s->publish_again ? 0 : rf_time_ns() + retry_ns(s);
    recorder_session_rearm(s);
}

static void done(recorder_task *task)
{
    publish *p = (publish *)task;
    recorder_session *s = p->session;
    s->publishing = false;
    int err = p->err == 0 ? finish(p, s) : p->err;
    if (err < 0 && s->take->live.state != RECORDER_DELETED) {
        failed(s, err);
    }
    recorder_tap_unref(p->tap);
    rf_buf_done(&p->snapshot);
    free(p);
    recorder_session_unref(s);
}

/* May its end be stored: nothing of it is undecided or not durable. */
static bool may_end(const recorder_session *s)
{
    return s->sealed && recorder_follow_is_over(s);
}

static bool is_stored(recorder_state state)
{
    return state == RECORDER_STORED || state == RECORDER_RECOVERED || state == RECORDER_DELETED;
}

/* What is to be stored next, if anything: a piece, the end, or both. */
static bool choose(const recorder_session *s, publish *p)
{
    const recorder_take *take = s->take;
    bool rest = take->covered < take->frames || take->segments.n == 0;
    if (is_stored(take->live.state)) {
        return false;
    }
    if (take->cuts.n > 0) {
        const recorder_cut *cut = &take->cuts.items[0];
        p->piece = (recorder_span){cut->first_frame, cut->n_frames};
        p->has_piece = cut->first_frame + cut->n_frames <= s->cuts_durable;
        uint32_t others = take->cuts.n - take->n_cut_silences - 1;
        p->is_last = may_end(s) && others == 0 && take->cut_end == take->frames;
        return p->has_piece;
    }
    p->piece = (recorder_span){take->covered, take->frames - take->covered};
    p->has_piece = may_end(s) && rest;
    p->is_last = may_end(s);
    return p->is_last;
}

static void begin(recorder_session *s, const publish *head)
{
    publish *p = RF_NEW(publish);
    *p = *head;
    p->task = (recorder_task){.run = run, .done = done};
    p->session = s;
    p->service = s->service;
    p->tap = recorder_tap_ref(s->tap);
    p->first_try = s->n_failures == 0;
    rf_buf_init(&p->snapshot, RECORDER_SNAPSHOT_MAX);
    if (recorder_take_pack(s->take, &p->snapshot) < 0) {
        abort(); /* the lists of a take have limits that fit */
    }
    s->publishing = true;
    recorder_session_ref(s);
    recorder_pool_put(s->service->publishes, &p->task);
}

void recorder_publish(recorder_session *s)
{
    publish next = {.has_piece = false};
    s->publish_at_ns = RF_NEVER_NS;
    s->publish_again = s->publishing;
    if (s->publishing || s->settling || s->deleting || s->service->publishes == NULL) {
        return; /* closing: the next start goes on */
    }
    if (choose(s, &next)) {
        begin(s, &next);
    }
}

void recorder_publish_more(recorder_session *s)
{
    if (!s->publishing && s->publish_at_ns == RF_NEVER_NS) {
        recorder_publish(s);
    }
}
