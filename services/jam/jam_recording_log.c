#include "jam_recording_log.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define ENTRY_MAX 8192 /* bytes of one entry: a change with all its fields */
#define HEAD_MAX 16384

/* ---- entries ---- */

void jam_recording_log_init(jam_recording_log *log)
{
    rf_buf_init(&log->head, HEAD_MAX);
    rf_buf_init(&log->controls, JAM_RECORDING_LOG_MAX);
    rf_buf_init(&log->resets, JAM_RECORDING_LOG_MAX / 8);
    rf_buf_init(&log->skips, JAM_RECORDING_LOG_MAX / 8);
    log->truncated = false;
}

void jam_recording_log_done(jam_recording_log *log)
{
    rf_buf_done(&log->head);
    rf_buf_done(&log->controls);
    rf_buf_done(&log->resets);
    rf_buf_done(&log->skips);
}

static void add(jam_recording_log *log, rf_buf *list, const jam_text *entry)
{
    if (entry->full || list->len + entry->len + 1 > list->max) {
        log->truncated = true;
        return;
    }
    rf_buf_append(list, ",", list->len > 0 ? 1 : 0);
    rf_buf_append(list, entry->data, entry->len);
}

static void put_engine(jam_text *t, const jam_engine *engine)
{
    jam_text_key(t, "engine");
    jam_text_open(t, '{');
    jam_text_put_string(t, "name", engine->name);
    jam_text_put_string(t, "version", engine->version);
    if (engine->soundfont_sha256 != NULL) {
        jam_text_put_string(t, "soundfont_sha256", engine->soundfont_sha256);
    }
    jam_text_close(t, '}');
}

void jam_recording_log_begin(jam_recording_log *log, const char *session_id,
                             const jam_engine *engine, uint64_t seed, const jam_settings *settings,
                             const jam_controls *controls)
{
    char bytes[HEAD_MAX];
    jam_text t;
    jam_settings unrecorded = *settings;
    unrecorded.record = false;
    jam_text_init(&t, bytes, sizeof(bytes));
    jam_text_put_string(&t, "session_id", session_id);
    put_engine(&t, engine);
    jam_text_put_i64(&t, "sample_rate", JAM_RATE_HZ);
    jam_text_put_i64(&t, "channels", JAM_CHANNELS);
    jam_text_put_i64(&t, "seed", (int64_t)seed);
    jam_text_key(&t, "params");
    jam_params_put(&t, &unrecorded, controls);
    rf_buf_append(&log->head, bytes, t.len);
}

void jam_recording_log_change(jam_recording_log *log, const jam_change *change, int64_t at_sample)
{
    char bytes[ENTRY_MAX];
    jam_text t;
    jam_change c = *change;
    c.set &= ~(JAM_FIELD_BIT(JAM_FIELD_RECORD) | JAM_FIELD_BIT(JAM_FIELD_AT_BAR) |
               JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE));
    if ((c.set & ~JAM_FIELDS_HOW) == 0) {
        return; /* it was about the recording alone */
    }
    c.set |= JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE);
    c.at_sample = at_sample;
    jam_text_init(&t, bytes, sizeof(bytes));
    jam_params_put_change(&t, &c);
    add(log, &log->controls, &t);
}

void jam_recording_log_reset(jam_recording_log *log, uint64_t seed, int64_t at_sample)
{
    char bytes[128];
    jam_text t;
    jam_text_init(&t, bytes, sizeof(bytes));
    jam_text_open(&t, '{');
    jam_text_put_i64(&t, "at_sample", at_sample);
    jam_text_put_i64(&t, "seed", (int64_t)seed);
    jam_text_close(&t, '}');
    add(log, &log->resets, &t);
}

void jam_recording_log_skip(jam_recording_log *log, int64_t frame, int64_t from, int64_t to)
{
    char bytes[128];
    jam_text t;
    jam_text_init(&t, bytes, sizeof(bytes));
    jam_text_open(&t, '{');
    jam_text_put_i64(&t, "frame", frame);
    jam_text_put_i64(&t, "from", from);
    jam_text_put_i64(&t, "to", to);
    jam_text_close(&t, '}');
    add(log, &log->skips, &t);
}

/* ---- the document ---- */

static void put_end(jam_text *t, const jam_recording_summary *e)
{
    jam_text_put_i64(t, "version", 1);
    jam_text_put_string(t, "recording", e->id);
    jam_text_put_string(t, "key", e->key);
    jam_text_put_string(t, "name", e->name);
    jam_text_put_i64(t, "start_sample", e->start_sample);
    jam_text_put_i64(t, "samples", e->n_samples);
    jam_text_put_f64(t, "seconds", (double)e->n_samples / JAM_RATE_HZ);
    jam_text_key(t, "missing");
    jam_text_open(t, '[');
    for (size_t i = 0; i < e->n_ranges; i++) {
        jam_text_open(t, '[');
        jam_text_i64(t, e->missing[i].from);
        jam_text_i64(t, e->missing[i].to);
        jam_text_close(t, ']');
    }
    jam_text_close(t, ']');
}

static void append_list(rf_buf *out, const char *name, const rf_buf *list)
{
    rf_buf_printf(out, ",\"%s\":[", name);
    if (list->len > 0) {
        rf_buf_append(out, list->data, list->len);
    }
    rf_buf_append(out, "]", 1);
}

int jam_recording_log_write(const jam_recording_log *log, const jam_recording_summary *end,
                            rf_buf *out)
{
    char bytes[HEAD_MAX];
    jam_text t;
    jam_text_init(&t, bytes, sizeof(bytes));
    put_end(&t, end);
    rf_buf_append(out, "{", 1);
    rf_buf_append(out, bytes, t.len);
    rf_buf_append(out, ",", 1);
    rf_buf_append(out, log->head.data, log->head.len);
    append_list(out, "controls", &log->controls);
    append_list(out, "resets", &log->resets);
    append_list(out, "skips", &log->skips);
    rf_buf_printf(out, ",\"truncated\":%s}", log->truncated ? "true" : "false");
    return rf_buf_error(out);
}

/* ---- at rest ---- */

char *jam_recording_log_save(jam_recording_log *log)
{
    json_t *root = json_pack("{s:s,s:s,s:s,s:s,s:b}", "head", rf_buf_str(&log->head), "controls",
                             rf_buf_str(&log->controls), "resets", rf_buf_str(&log->resets),
                             "skips", rf_buf_str(&log->skips), "truncated", log->truncated);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static int load(rf_buf *list, const json_t *root, const char *name)
{
    const json_t *text = json_object_get(root, name);
    if (!json_is_string(text)) {
        return -EBADMSG;
    }
    return rf_buf_append(list, json_string_value(text), json_string_length(text)) < 0 ? -EBADMSG
                                                                                      : 0;
}

int jam_recording_log_load(jam_recording_log *log, const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    int err = load(&log->head, root, "head");
    err = err == 0 ? load(&log->controls, root, "controls") : err;
    err = err == 0 ? load(&log->resets, root, "resets") : err;
    err = err == 0 ? load(&log->skips, root, "skips") : err;
    log->truncated = json_is_true(json_object_get(root, "truncated"));
    json_decref(root);
    return err;
}
