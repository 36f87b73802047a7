#include "reflection_jam_event.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define SAMPLE_LIMIT 9007199254740992.0 /* 2^53: positions lie below */
#define OVERLAP_MAX 4800

int reflection_event_parse(const char *text, size_t len, json_t **ret, const char **ret_type,
                           reflection_jam_fault *fault)
{
    if (len > REFLECTION_JSON_MAX) {
        return reflection_fail(fault, -EMSGSIZE, "a message of %zu bytes, more than %d", len,
                               REFLECTION_JSON_MAX);
    }
    json_error_t error;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return reflection_fail(fault, -EPROTO, "a message is no JSON object: %s",
                               object == NULL ? error.text : "another value");
    }
    const char *type = json_string_value(json_object_get(object, "type"));
    *ret = object;
    *ret_type = type != NULL ? type : "";
    return 0;
}

/* ---- single fields ---- */

static int bad(reflection_jam_fault *fault, const char *field)
{
    int err =
        reflection_fail(fault, -EPROTO, "%s: missing or wrong in a message of the server", field);
    reflection_copy(fault->field, sizeof(fault->field), field);
    return err;
}

/* A finite number of min to max. */
static bool number(const json_t *object, const char *name, double min, double max, double *ret)
{
    const json_t *value = json_object_get(object, name);
    double x = json_number_value(value);
    if (!json_is_number(value) || !(x >= min && x <= max)) {
        return false;
    }
    *ret = x;
    return true;
}

/* A whole number of 0 to max. */
static bool whole(const json_t *object, const char *name, double max, uint64_t *ret)
{
    double x;
    if (!number(object, name, 0, max, &x) || x != floor(x)) {
        return false;
    }
    *ret = (uint64_t)x;
    return true;
}

static bool text(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (value == NULL || strlen(value) >= size) {
        return false;
    }
    reflection_copy(ret, size, value);
    return true;
}

/* ---- messages ---- */

int reflection_event_started(const json_t *object, reflection_jam_info *ret,
                             reflection_jam_fault *fault)
{
    reflection_jam_info info = {0};
    uint64_t seed;
    uint64_t overlap;
    uint64_t frames;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"session_id", info.session_id, sizeof(info.session_id)},
                 {"engine", info.engine, sizeof(info.engine)},
                 {"format", info.format, sizeof(info.format)},
                 {"pace", info.pace, sizeof(info.pace)},
                 {"role", info.role, sizeof(info.role)}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!text(object, texts[i].name, texts[i].to, texts[i].size)) {
            return bad(fault, texts[i].name);
        }
    }
    if (!whole(object, "seed", INT32_MAX, &seed)) {
        return bad(fault, "seed");
    }
    if (!whole(object, "overlap", OVERLAP_MAX, &overlap)) {
        return bad(fault, "overlap");
    }
    if (!whole(object, "chunk_frames", 50, &frames) || frames == 0) {
        return bad(fault, "chunk_frames");
    }
    if (!whole(object, "next_index", SAMPLE_LIMIT, &info.next_index)) {
        return bad(fault, "next_index");
    }
    /* Listeners may have no token. */
    reflection_copy(info.resume_token, sizeof(info.resume_token),
                    json_string_value(json_object_get(object, "resume_token")));
    info.seed = (uint32_t)seed;
    info.overlap = (uint32_t)overlap;
    info.chunk_frames = (uint32_t)frames;
    info.resumed = json_is_true(json_object_get(object, "resumed"));
    *ret = info;
    return 0;
}

static bool styles(const json_t *list, reflection_jam_chunk *chunk)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > REFLECTION_JAM_STYLES_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *style = json_array_get(list, i);
        chunk->styles[i].name = json_string_value(json_object_get(style, "name"));
        if (chunk->styles[i].name == NULL ||
            !number(style, "weight", 0, 1, &chunk->styles[i].weight)) {
            return false;
        }
    }
    chunk->n_styles = n;
    return true;
}

/* Its numbers. NULL, or the name of the field at fault. */
static const char *chunk_numbers(const json_t *m, reflection_jam_chunk *chunk,
                                 double *ret_crossfade_s)
{
    double rate = 0;
    double channels = 0;
    uint64_t samples = 0;
    const char *field =
        !number(m, "sample_rate", REFLECTION_JAM_RATE_HZ, REFLECTION_JAM_RATE_HZ, &rate)
            ? "sample_rate"
        : !number(m, "channels", REFLECTION_JAM_CHANNELS, REFLECTION_JAM_CHANNELS, &channels)
            ? "channels"
        : !number(m, "crossfade_seconds", 0, 0.1, ret_crossfade_s)       ? "crossfade_seconds"
        : !whole(m, "samples", REFLECTION_JAM_SAMPLES_MAX, &samples)     ? "samples"
        : !whole(m, "index", SAMPLE_LIMIT, &chunk->index)                ? "index"
        : !whole(m, "start_sample", SAMPLE_LIMIT, &chunk->start_sample)  ? "start_sample"
        : !whole(m, "rev", SAMPLE_LIMIT, &chunk->rev)                    ? "rev"
        : !number(m, "bpm", 1, 1000, &chunk->bpm)                        ? "bpm"
        : !whole(m, "bar", SAMPLE_LIMIT, &chunk->bar) || chunk->bar == 0 ? "bar"
        : !number(m, "beat", 1, 5, &chunk->beat)                         ? "beat"
        : !number(m, "generation_ms", 0, 1e9, &chunk->generation_ms)     ? "generation_ms"
        : !number(m, "lead_ms", -1e12, 1e12, &chunk->lead_ms)            ? "lead_ms"
                                                                         : NULL;
    chunk->n_samples = samples;
    return field;
}

int reflection_event_chunk(const json_t *object, reflection_jam_chunk *ret,
                           reflection_jam_fault *fault)
{
    const json_t *m = json_object_get(object, "metadata");
    reflection_jam_chunk chunk = {0};
    double crossfade_s = 0;
    const char *field = chunk_numbers(m, &chunk, &crossfade_s);
    if (field != NULL) {
        return bad(fault, field);
    }
    chunk.overlap = (uint32_t)lround(crossfade_s * REFLECTION_JAM_RATE_HZ);
    if (chunk.overlap > chunk.n_samples) {
        return bad(fault, "samples");
    }
    if (!styles(json_object_get(m, "styles"), &chunk)) {
        return bad(fault, "styles");
    }
    *ret = chunk;
    return 0;
}

int reflection_event_status(const json_t *object, reflection_jam_status *ret,
                            reflection_jam_fault *fault)
{
    reflection_jam_status status = {.applied_at_sample = -1};
    uint64_t applied;
    if (json_object_get(object, "rev") != NULL &&
        !whole(object, "rev", SAMPLE_LIMIT, &status.rev)) {
        return bad(fault, "rev");
    }
    const json_t *at = json_object_get(object, "applied_at_sample");
    if (at != NULL && !json_is_null(at)) {
        if (!whole(object, "applied_at_sample", SAMPLE_LIMIT, &applied)) {
            return bad(fault, "applied_at_sample");
        }
        status.applied_at_sample = (int64_t)applied;
    }
    *ret = status;
    return 0;
}

int reflection_event_stopped(const json_t *object, reflection_jam_stopped *ret,
                             reflection_jam_fault *fault)
{
    reflection_jam_stopped stopped = {0};
    if (!text(object, "reason", stopped.reason, sizeof(stopped.reason))) {
        return bad(fault, "reason");
    }
    if (!whole(object, "chunks_sent", SAMPLE_LIMIT, &stopped.chunks_sent)) {
        return bad(fault, "chunks_sent");
    }
    if (!whole(object, "samples_sent", SAMPLE_LIMIT, &stopped.samples_sent)) {
        return bad(fault, "samples_sent");
    }
    *ret = stopped;
    return 0;
}

/* ---- errors ---- */

static int errno_of(const char *code)
{
    static const struct {
        const char *code;
        int err;
    } table[] = {
        {"BUSY", -EBUSY},
        {"DRAINING", -EBUSY},
        {"RATE_LIMITED", -EBUSY},
        {"FORBIDDEN", -EACCES},
        {"ENGINE_FAILED", -EIO},
        {"ENGINE_LOST", -EIO},
        {"ENGINE_UNAVAILABLE", -EOPNOTSUPP},
        {"UNSUPPORTED", -EOPNOTSUPP},
        {"SESSION_NOT_FOUND", -ENOENT},
        {"RESUME_UNKNOWN", -ENOENT},
        {"REPLAY_LOST", -ENODATA},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].code, code) == 0) {
            return table[i].err;
        }
    }
    return -EINVAL;
}

void reflection_event_error(const json_t *object, reflection_jam_fault *ret)
{
    const char *code = json_string_value(json_object_get(object, "code"));
    const char *words = json_string_value(json_object_get(object, "error"));
    const json_t *limit = json_object_get(object, "limit");
    double retry_ms = 0;
    reflection_fail(ret, errno_of(code != NULL ? code : ""), "%s",
                    words != NULL ? words : "the server tells of an error without words");
    reflection_copy(ret->code, sizeof(ret->code), code);
    reflection_copy(ret->field, sizeof(ret->field),
                    json_string_value(json_object_get(object, "field")));
    ret->has_limit = number(limit, "min", -1e18, 1e18, &ret->limit_min) &&
                     number(limit, "max", -1e18, 1e18, &ret->limit_max);
    if (number(object, "retry_after_ms", 0, 600000, &retry_ms)) {
        ret->retry_after_ms = (int64_t)retry_ms;
    }
}
