#include "jam_parked.h"

#include "jam_params.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define VERSION 2 /* 1 knew no recordings */
#define HEAD_MAX 16384
#define HALF_STEP_OF_BEAT 5e-7 /* beats are told rounded down to 6 digits */

jam_parked *jam_parked_free(jam_parked *p)
{
    if (p != NULL) {
        for (size_t i = 0; i < p->n_blocks; i++) {
            jam_block_unref(p->blocks[i]);
        }
        jam_block_unref(p->finished_pcm);
        jam_recording_rest_free(p->recording);
        free(p->tenant);
        free(p->address);
        free(p);
    }
    return NULL;
}

/* ---- writing ---- */

static void put_owner(jam_text *t, const jam_parked *p)
{
    jam_text_put_string(t, "id", p->id);
    jam_text_put_string(t, "tenant", p->tenant);
    jam_text_put_string(t, "address", p->address);
    jam_text_put_string(t, "listen_token", p->listen_token);
    jam_text_key(t, "tokens");
    jam_text_open(t, '[');
    for (size_t i = 0; i < p->n_tokens; i++) {
        jam_text_string(t, p->tokens[i]);
    }
    jam_text_close(t, ']');
}

static void put_stream(jam_text *t, const jam_parked *p)
{
    jam_text_put_i64(t, "seed", (int64_t)p->seed);
    jam_text_put_i64(t, "encoder_seed", (int64_t)p->encoder_seed);
    jam_text_put_i64(t, "parked_wall_ms", p->parked_wall_ms);
    jam_text_put_i64(t, "started_wall_ms", p->started_wall_ms);
    jam_text_put_i64(t, "left_ms", p->left_ms);
    jam_text_put_i64(t, "chunks_sent", p->chunks_sent);
    jam_text_put_i64(t, "samples_sent", p->samples_sent);
    jam_text_put_bool(t, "paused", p->paused);
    jam_text_put_bool(t, "has_finished", p->has_finished);
    jam_text_put_i64(t, "next_index", p->border.index);
    jam_text_put_i64(t, "next_start", p->border.start);
    jam_text_put_i64(t, "rev", p->border.rev);
    jam_text_key(t, "sizes");
    jam_text_open(t, '[');
    for (size_t i = 0; i < p->n_blocks; i++) {
        jam_text_i64(t, (int64_t)p->blocks[i]->size);
    }
    jam_text_close(t, ']');
}

static void put_recording(jam_text *t, const jam_recording_rest *r)
{
    jam_text_key(t, "recording");
    jam_text_open(t, '{');
    jam_text_put_string(t, "id", r->id);
    jam_text_put_string(t, "key", r->key);
    jam_text_put_string(t, "name", r->name);
    jam_text_put_i64(t, "begin", r->begin);
    jam_text_put_i64(t, "frames", r->n_frames);
    jam_text_put_i64(t, "n_missing", r->n_missing);
    jam_text_put_i64(t, "log_bytes", (int64_t)strlen(r->log));
    jam_text_key(t, "missing");
    jam_text_open(t, '[');
    for (size_t i = 0; i < r->n_ranges; i++) {
        jam_text_i64(t, r->missing[i].from);
        jam_text_i64(t, r->missing[i].to);
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

static size_t pcm_bytes(const jam_parked *p)
{
    return p->finished_pcm != NULL ? p->finished_pcm->size : 0;
}

static int append_head(const jam_parked *p, rf_buf *out)
{
    char text[HEAD_MAX];
    jam_text t;
    jam_text_init(&t, text, sizeof(text));
    jam_text_open(&t, '{');
    jam_text_put_i64(&t, "version", VERSION);
    put_owner(&t, p);
    put_stream(&t, p);
    jam_text_key(&t, "params");
    jam_params_put(&t, &p->settings, &p->controls);
    jam_text_put_i64(&t, "pcm_bytes", (int64_t)pcm_bytes(p));
    if (p->recording != NULL) {
        put_recording(&t, p->recording);
    }
    jam_text_close(&t, '}');
    rf_buf_append(out, text, t.len);
    rf_buf_append_char(out, '\n');
    return t.full ? -ENOSPC : 0;
}

static size_t border_bytes(const jam_parked *p)
{
    return JAM_BORDER_PAIRS((size_t)p->border.overlap) * JAM_CHANNELS * sizeof(float);
}

int jam_parked_write(const jam_parked *p, rf_buf *out)
{
    int err = append_head(p, out);
    rf_buf_append(out, p->border.pcm, border_bytes(p));
    for (size_t i = 0; i < p->n_blocks; i++) {
        const jam_block *b = p->blocks[i];
        char meta[JAM_ENVELOPE_MAX];
        rf_buf_append(out, meta, jam_chunk_meta(&b->chunk, b->lead_ms, meta, sizeof(meta)));
        rf_buf_append_char(out, '\n');
        rf_buf_append(out, b->data, b->size);
    }
    if (p->finished_pcm != NULL) {
        rf_buf_append(out, p->finished_pcm->data, p->finished_pcm->size);
    }
    if (p->recording != NULL) {
        rf_buf_append_str(out, p->recording->log);
    }
    return err < 0 ? err : rf_buf_error(out);
}

/* ---- reading ---- */

/* The bytes that are left. */
typedef struct reader {
    const char *at;
    size_t left;
} reader;

static json_t *read_line(reader *r)
{
    const char *end = memchr(r->at, '\n', r->left);
    if (end == NULL) {
        return NULL;
    }
    size_t len = (size_t)(end - r->at);
    json_t *json = json_loadb(r->at, len, JSON_REJECT_DUPLICATES, NULL);
    r->at += len + 1;
    r->left -= len + 1;
    return json;
}

static int read_bytes(reader *r, void *ret, size_t len)
{
    if (len > r->left) {
        return -EBADMSG;
    }
    memcpy(ret, r->at, len);
    r->at += len;
    r->left -= len;
    return 0;
}

static int64_t get_i64(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static double get_f64(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static const char *get_string(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text == NULL ? "" : text;
}

static int read_params(jam_parked *p, const json_t *head)
{
    static const jam_message_context context = {.crossfade_default = -1.0};
    jam_error errors[JAM_ERRORS_MAX];
    jam_names ignored;
    size_t n_errors;
    char *text = json_dumps(json_object_get(head, "params"), JSON_COMPACT);
    if (text == NULL) {
        return -EBADMSG;
    }
    int err = jam_change_parse(text, strlen(text), JAM_TYPE_START, &context, &p->start, &ignored,
                               errors, &n_errors);
    free(text);
    jam_settings_default(&p->settings);
    jam_settings_apply(&p->settings, &p->start);
    return err;
}

static int read_owner(jam_parked *p, const json_t *head)
{
    const json_t *tokens = json_object_get(head, "tokens");
    p->tenant = rf_strdup(get_string(head, "tenant"));
    p->address = rf_strdup(get_string(head, "address"));
    rf_copy_str(p->id, sizeof(p->id), get_string(head, "id"));
    rf_copy_str(p->listen_token, sizeof(p->listen_token), get_string(head, "listen_token"));
    p->n_tokens = json_array_size(tokens);
    if (p->n_tokens > JAM_PARKED_TOKENS || strlen(p->id) != JAM_SESSION_ID_LEN) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < p->n_tokens; i++) {
        const char *token = json_string_value(json_array_get(tokens, i));
        rf_copy_str(p->tokens[i], sizeof(p->tokens[i]), token == NULL ? "" : token);
    }
    return 0;
}

static int read_stream(jam_parked *p, const json_t *head)
{
    p->seed = (uint64_t)get_i64(head, "seed");
    p->encoder_seed = (uint64_t)get_i64(head, "encoder_seed");
    p->parked_wall_ms = get_i64(head, "parked_wall_ms");
    p->started_wall_ms = get_i64(head, "started_wall_ms");
    p->left_ms = get_i64(head, "left_ms");
    p->chunks_sent = get_i64(head, "chunks_sent");
    p->samples_sent = get_i64(head, "samples_sent");
    p->paused = json_is_true(json_object_get(head, "paused"));
    p->has_finished = json_is_true(json_object_get(head, "has_finished"));
    p->border.index = get_i64(head, "next_index");
    p->border.start = get_i64(head, "next_start");
    p->border.rev = (uint32_t)get_i64(head, "rev");
    p->border.overlap = p->settings.overlap;
    bool makes_sense =
        p->border.index > 0 && p->border.start > 0 && p->border.start % JAM_FRAME_SAMPLES == 0;
    return makes_sense ? 0 : -EBADMSG;
}

static int read_head(jam_parked *p, reader *r, json_t *head)
{
    int64_t version = get_i64(head, "version");
    if (version < 1 || version > VERSION) {
        return -EBADMSG;
    }
    int err = read_owner(p, head);
    err = err == 0 ? read_params(p, head) : err;
    err = err == 0 ? read_stream(p, head) : err;
    return err == 0 ? read_bytes(r, p->border.pcm, border_bytes(p)) : err;
}

static void read_mark(jam_mark *mark, const json_t *m)
{
    const json_t *styles = json_object_get(m, "styles");
    mark->bpm = get_f64(m, "bpm");
    mark->bar = (uint32_t)get_i64(m, "bar");
    mark->beat = get_f64(m, "beat") + HALF_STEP_OF_BEAT;
    mark->rev = (uint32_t)get_i64(m, "rev");
    mark->n_styles = RF_MIN(json_array_size(styles), (size_t)JAM_STYLES_MAX);
    for (size_t i = 0; i < mark->n_styles; i++) {
        const json_t *style = json_array_get(styles, i);
        rf_copy_str(mark->styles[i].name, sizeof(mark->styles[i].name), get_string(style, "name"));
        mark->styles[i].weight = get_f64(style, "weight");
    }
}

static void read_chunk(jam_parked *p, jam_block *b, const json_t *m)
{
    b->chunk = (jam_chunk){.index = get_i64(m, "index"),
                           .start_sample = get_i64(m, "start_sample"),
                           .n_frames = (uint32_t)get_i64(m, "chunk_frames"),
                           .n_samples = (uint32_t)get_i64(m, "samples"),
                           .overlap = p->settings.overlap,
                           .format = p->settings.format,
                           .seed = (uint64_t)get_i64(m, "seed"),
                           .generation_ms = get_f64(m, "generation_ms")};
    b->lead_ms = get_f64(m, "lead_ms");
    read_mark(&b->chunk.mark, m);
}

static int read_block(jam_parked *p, reader *r, jam_blocks *blocks, const json_t *size)
{
    json_t *line = read_line(r);
    int64_t bytes = json_integer_value(size);
    if (line == NULL || bytes <= 0 || (size_t)bytes > r->left) {
        json_decref(line);
        return -EBADMSG;
    }
    jam_block *b = jam_blocks_take(blocks, (size_t)bytes, 0);
    if (b == NULL) {
        json_decref(line);
        return -ENOMEM;
    }
    p->blocks[p->n_blocks++] = b;
    b->size = (size_t)bytes;
    read_chunk(p, b, json_object_get(line, "metadata"));
    json_decref(line);
    bool in_order =
        p->n_blocks == 1 || b->chunk.index == p->blocks[p->n_blocks - 2]->chunk.index + 1;
    return in_order ? read_bytes(r, b->data, b->size) : -EBADMSG;
}

static int read_blocks(jam_parked *p, reader *r, const json_t *head)
{
    const json_t *sizes = json_object_get(head, "sizes");
    size_t n = json_array_size(sizes);
    int err = n <= RF_ARRAY_LEN(p->blocks) && n >= (p->has_finished ? 1U : 0U) ? 0 : -EBADMSG;
    jam_blocks *blocks = jam_blocks_new();
    for (size_t i = 0; i < n && err == 0; i++) {
        err = read_block(p, r, blocks, json_array_get(sizes, i));
    }
    jam_blocks_free(blocks);
    if (err == 0 && p->n_blocks > 0 &&
        p->blocks[p->n_blocks - 1]->chunk.index != p->border.index - 1) {
        err = -EBADMSG;
    }
    return err;
}

/* ---- the recording ---- */

static int read_pcm(jam_parked *p, reader *r, const json_t *head)
{
    int64_t bytes = get_i64(head, "pcm_bytes");
    if (bytes == 0) {
        return 0;
    }
    const jam_chunk *chunk = p->has_finished ? &p->blocks[p->n_blocks - 1]->chunk : NULL;
    if (chunk == NULL || bytes != (int64_t)chunk->n_frames * JAM_FRAME_SAMPLES * JAM_CHANNELS *
                                      (int64_t)sizeof(float)) {
        return -EBADMSG;
    }
    jam_blocks *blocks = jam_blocks_new();
    p->finished_pcm = jam_blocks_take(blocks, (size_t)bytes, 0);
    jam_blocks_free(blocks);
    if (p->finished_pcm == NULL) {
        return -ENOMEM;
    }
    p->finished_pcm->size = (size_t)bytes;
    return read_bytes(r, p->finished_pcm->data, (size_t)bytes);
}

static int read_missing(jam_recording_rest *rest, const json_t *list)
{
    size_t n = json_array_size(list) / 2;
    if (n > JAM_RANGES_MAX) {
        return -EBADMSG;
    }
    for (; rest->n_ranges < n; rest->n_ranges++) {
        rest->missing[rest->n_ranges] =
            (jam_range){json_integer_value(json_array_get(list, 2 * rest->n_ranges)),
                        json_integer_value(json_array_get(list, 2 * rest->n_ranges + 1))};
    }
    return 0;
}

static int read_recording(jam_parked *p, reader *r, const json_t *head)
{
    const json_t *o = json_object_get(head, "recording");
    int64_t log_bytes = get_i64(o, "log_bytes");
    if (o == NULL) {
        return 0;
    }
    jam_recording_rest *rest = p->recording = RF_NEW(jam_recording_rest);
    rf_copy_str(rest->id, sizeof(rest->id), get_string(o, "id"));
    rf_copy_str(rest->key, sizeof(rest->key), get_string(o, "key"));
    rf_copy_str(rest->name, sizeof(rest->name), get_string(o, "name"));
    rest->begin = get_i64(o, "begin");
    rest->n_frames = get_i64(o, "frames");
    rest->n_missing = get_i64(o, "n_missing");
    if (rest->id[0] == '\0' || rest->begin < 0 || rest->n_frames < 0 || log_bytes < 0 ||
        (size_t)log_bytes > r->left || read_missing(rest, json_object_get(o, "missing")) < 0) {
        return -EBADMSG;
    }
    rest->log = rf_alloc((size_t)log_bytes + 1);
    rest->log[log_bytes] = '\0';
    return read_bytes(r, rest->log, (size_t)log_bytes);
}

int jam_parked_read(const void *data, size_t len, jam_parked **ret)
{
    reader r = {.at = data, .left = len};
    json_t *head = read_line(&r);
    if (head == NULL) {
        return -EBADMSG;
    }
    jam_parked *p = RF_NEW(jam_parked);
    int err = read_head(p, &r, head);
    err = err == 0 ? read_blocks(p, &r, head) : err;
    err = err == 0 ? read_pcm(p, &r, head) : err;
    err = err == 0 ? read_recording(p, &r, head) : err;
    json_decref(head);
    if (err < 0) {
        jam_parked_free(p);
        return -EBADMSG;
    }
    *ret = p;
    return 0;
}
