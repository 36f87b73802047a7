#include "recorder_change_parts.h"

#include <errno.h>
#include <string.h>

static const char *bad_size(const recorder_start *s)
{
    if (recorder_sample_size(s->sample_format) < 2) {
        return "sample_format";
    }
    if (s->channels < 1 || s->channels > RECORDER_CHANNELS_MAX) {
        return "channels";
    }
    if (s->rate_hz < RECORDER_RATE_MIN || s->rate_hz > RECORDER_RATE_MAX) {
        return "rate";
    }
    return s->chunk < RECORDER_CHUNK_MIN || s->chunk > RECORDER_CHUNK_MAX ? "chunk" : NULL;
}

static const char *bad_name(const recorder_start *s)
{
    if (!rf_utf8_valid(s->tenant, strlen(s->tenant))) {
        return "tenant";
    }
    if (!recorder_key_folder_valid(s->folder, strlen(s->folder))) {
        return "prefixes";
    }
    return rf_utf8_valid(s->source_name, strlen(s->source_name)) ? NULL : "source";
}

static const char *bad_enum(const recorder_start *s)
{
    if ((unsigned)s->source >= RECORDER_N_SOURCES) {
        return "source";
    }
    if ((unsigned)s->store_format >= RECORDER_N_STORE_FORMATS) {
        return "store_format";
    }
    const recorder_option *row = recorder_options_check(&s->options);
    return row == NULL ? NULL : row->name;
}

int recorder_start_check(const recorder_start *start, const char **ret_field)
{
    const char *bad = bad_size(start);
    bad = bad != NULL ? bad : bad_name(start);
    bad = bad != NULL ? bad : bad_enum(start);
    if (bad != NULL) {
        *ret_field = bad;
        return -EINVAL;
    }
    return 0;
}

static void put_options(rf_buf *out, const recorder_options *options)
{
    size_t n;
    const recorder_option *rows = recorder_options_table(&n);
    recorder_put_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        recorder_put_u32(out, (uint32_t)recorder_options_get(options, &rows[i]));
    }
}

/* Rows that an older writer did not know have their defaults. */
static void get_options(recorder_reader *r, recorder_options *ret)
{
    size_t n;
    const recorder_option *rows = recorder_options_table(&n);
    size_t written = recorder_get_below(r, (uint8_t)(n + 1));
    recorder_options_default(ret);
    for (size_t i = 0; i < written; i++) {
        recorder_options_set(ret, &rows[i], (int32_t)recorder_get_u32(r));
    }
}

void recorder_put_start(rf_buf *out, const recorder_start *s)
{
    (void)rf_buf_append(out, s->id, RECORDER_ID_LEN);
    recorder_put_str(out, s->tenant);
    recorder_put_str(out, s->folder);
    (void)rf_buf_append(out, s->key_id, RECORDER_KEY_ID_LEN);
    recorder_put_u8(out, (uint8_t)s->source);
    recorder_put_str(out, s->source_name);
    recorder_put_u8(out, (uint8_t)s->sample_format);
    recorder_put_u8(out, (uint8_t)s->channels);
    recorder_put_u32(out, s->rate_hz);
    recorder_put_u32(out, s->chunk);
    recorder_put_u8(out, (uint8_t)s->store_format);
    put_options(out, &s->options);
    recorder_put_i64(out, s->utc_offset_ns);
    recorder_put_i64(out, s->requested_at_ns);
    recorder_put_u32(out, s->preroll_frames);
    recorder_put_str(out, s->trace_id);
}

void recorder_get_start(recorder_reader *r, recorder_start *ret)
{
    const char *field;
    memset(ret, 0, sizeof(*ret));
    recorder_get_bytes(r, ret->id, RECORDER_ID_LEN);
    recorder_get_str(r, ret->tenant, sizeof(ret->tenant));
    recorder_get_str(r, ret->folder, sizeof(ret->folder));
    recorder_get_bytes(r, ret->key_id, RECORDER_KEY_ID_LEN);
    ret->source = (recorder_source)recorder_get_below(r, RECORDER_N_SOURCES);
    recorder_get_str(r, ret->source_name, sizeof(ret->source_name));
    ret->sample_format = (recorder_sample_format)recorder_get_u8(r);
    ret->channels = recorder_get_u8(r);
    ret->rate_hz = recorder_get_u32(r);
    ret->chunk = recorder_get_u32(r);
    ret->store_format = (recorder_store_format)recorder_get_below(r, RECORDER_N_STORE_FORMATS);
    get_options(r, &ret->options);
    ret->utc_offset_ns = recorder_get_i64(r);
    ret->requested_at_ns = recorder_get_i64(r);
    ret->preroll_frames = recorder_get_u32(r);
    recorder_get_str(r, ret->trace_id, sizeof(ret->trace_id));
    r->bad = r->bad || recorder_start_check(ret, &field) < 0;
}

int64_t recorder_get_frame(recorder_reader *r)
{
    int64_t frame = recorder_get_i64(r);
    if (frame < 0 || frame > RECORDER_FRAMES_MAX) {
        r->bad = true;
        return 0;
    }
    return frame;
}

void recorder_put_gap(rf_buf *out, const recorder_gap *gap)
{
    recorder_put_i64(out, gap->start_frame);
    recorder_put_i64(out, gap->length_frames);
    recorder_put_i64(out, gap->utc_ns);
    recorder_put_u8(out, gap->cause);
    recorder_put_u8(out, gap->filled);
    recorder_put_u8(out, gap->exact);
}

void recorder_get_gap(recorder_reader *r, recorder_gap *ret)
{
    ret->start_frame = recorder_get_frame(r);
    ret->length_frames = recorder_get_frame(r);
    ret->utc_ns = recorder_get_i64(r);
    ret->cause = recorder_get_below(r, RECORDER_N_GAP_CAUSES);
    ret->filled = recorder_get_bool(r);
    ret->exact = recorder_get_bool(r);
    r->bad = r->bad || ret->length_frames == 0;
}

void recorder_put_piece(rf_buf *out, const recorder_piece *piece)
{
    recorder_put_i64(out, piece->first_frame);
    recorder_put_i64(out, piece->utc_ns);
    recorder_put_u64(out, piece->ns_q32);
}

void recorder_get_piece(recorder_reader *r, recorder_piece *ret)
{
    ret->first_frame = recorder_get_frame(r);
    ret->utc_ns = recorder_get_i64(r);
    ret->ns_q32 = recorder_get_u64(r);
}

static void put_loudness(rf_buf *out, const recorder_loudness *l)
{
    recorder_put_u8(out, l->known);
    if (l->known) {
        recorder_put_f32(out, l->integrated_lufs);
        recorder_put_f32(out, l->range_lu);
        recorder_put_f32(out, l->true_peak_dbtp);
    }
}

static void get_loudness(recorder_reader *r, recorder_loudness *ret)
{
    *ret = (recorder_loudness){.known = recorder_get_bool(r)};
    if (ret->known) {
        ret->integrated_lufs = recorder_get_level(r);
        ret->range_lu = recorder_get_level(r);
        ret->true_peak_dbtp = recorder_get_level(r);
    }
}

void recorder_put_segment(rf_buf *out, const recorder_segment *s)
{
    (void)rf_buf_append(out, s->key_id, RECORDER_KEY_ID_LEN);
    recorder_put_i64(out, s->first_frame);
    recorder_put_i64(out, s->n_frames);
    recorder_put_u64(out, s->bytes);
    (void)rf_buf_append(out, s->sha256, RECORDER_SHA256_LEN);
    put_loudness(out, &s->loudness);
}

void recorder_get_segment(recorder_reader *r, recorder_segment *ret)
{
    recorder_get_bytes(r, ret->key_id, RECORDER_KEY_ID_LEN);
    ret->first_frame = recorder_get_frame(r);
    ret->n_frames = recorder_get_frame(r);
    ret->bytes = recorder_get_u64(r);
    recorder_get_bytes(r, ret->sha256, RECORDER_SHA256_LEN);
    get_loudness(r, &ret->loudness);
}

void recorder_get_label(recorder_reader *r, char ret[RECORDER_LABEL_MAX + 1])
{
    recorder_get_str(r, ret, RECORDER_LABEL_MAX + 1);
    size_t len = strlen(ret);
    r->bad = r->bad || len == 0 || !rf_utf8_valid(ret, len);
}
