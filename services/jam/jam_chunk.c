#include "jam_chunk.h"

#include <errno.h>
#include <math.h>
#include <string.h>

uint32_t jam_chunk_min_frames(uint32_t overlap)
{
    return RF_MAX((overlap + JAM_FRAME_SAMPLES - 1) / JAM_FRAME_SAMPLES, 1U);
}

bool jam_chunk_fits(jam_format format, uint32_t bitrate_kbps, uint32_t n_frames, uint32_t overlap)
{
    uint32_t n_samples = n_frames * JAM_FRAME_SAMPLES + overlap;
    size_t bytes = jam_format_max_bytes(format, bitrate_kbps, n_samples);
    return (bytes + 2) / 3 * 4 + JAM_ENVELOPE_MAX <= JAM_SERVER_TEXT_MAX;
}

int jam_chunk_check(jam_format format, uint32_t bitrate_kbps, uint32_t n_frames, uint32_t overlap,
                    bool text, jam_error *error)
{
    uint32_t min = jam_chunk_min_frames(overlap);
    if (n_frames < min) {
        jam_error_set(
            error, JAM_OUT_OF_RANGE, "max_decode_frames",
            "max_decode_frames: must be %u to %d, for a chunk may not be shorter than what"
            " it shares with the next",
            min, JAM_CHUNK_FRAMES_MAX);
        jam_error_limit(error, min, JAM_CHUNK_FRAMES_MAX);
        return -EINVAL;
    }
    if (!text || jam_chunk_fits(format, bitrate_kbps, n_frames, overlap)) {
        return 0;
    }
    uint32_t max = n_frames;
    while (max > min && !jam_chunk_fits(format, bitrate_kbps, max, overlap)) {
        max--;
    }
    jam_error_set(error, JAM_CHUNK_TOO_LARGE, "max_decode_frames",
                  "max_decode_frames: at most %u fit a text message of %d bytes with this overlap;"
                  " binary_audio has no such bound",
                  max, JAM_SERVER_TEXT_MAX);
    jam_error_limit(error, min, max);
    return -EINVAL;
}

void jam_chunk_describe(const jam_cut *cut, jam_format format, uint64_t seed, double generation_ms,
                        jam_chunk *ret)
{
    *ret = (jam_chunk){.index = cut->index,
                       .start_sample = cut->start_sample,
                       .n_frames = cut->n_frames,
                       .n_samples = cut->n_samples,
                       .overlap = cut->n_samples - cut->n_frames * JAM_FRAME_SAMPLES,
                       .format = format,
                       .seed = seed,
                       .generation_ms = generation_ms,
                       .mark = *cut->mark};
}

static void write_styles(jam_text *t, const jam_mark *mark)
{
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < mark->n_styles; i++) {
        jam_text_open(t, '{');
        jam_text_key(t, "name");
        jam_text_string(t, mark->styles[i].name);
        jam_text_key(t, "weight");
        jam_text_f64(t, mark->styles[i].weight);
        jam_text_close(t, '}');
    }
    jam_text_close(t, ']');
}

/* A number with its key. */
static void number(jam_text *t, const char *key, double value)
{
    jam_text_key(t, key);
    jam_text_f64(t, value);
}

static void integer(jam_text *t, const char *key, int64_t value)
{
    jam_text_key(t, key);
    jam_text_i64(t, value);
}

/* Beats are written with 6 digits: the last beat of a bar must not become the fifth. */
static double beat_of(const jam_mark *mark)
{
    return fmin(floor(mark->beat * 1e6) / 1e6, 4.999999);
}

static void write_place(jam_text *t, const jam_chunk *chunk)
{
    const jam_mark *mark = &chunk->mark;
    integer(t, "seed", (int64_t)chunk->seed);
    write_styles(t, mark);
    number(t, "bpm", mark->bpm);
    integer(t, "rev", mark->rev);
    integer(t, "bar", mark->bar);
    jam_text_key(t, "beat");
    jam_text_fixed(t, beat_of(mark), 6);
}

static void write_metadata(jam_text *t, const jam_chunk *chunk, double lead_ms)
{
    jam_text_key(t, "metadata");
    jam_text_open(t, '{');
    integer(t, "sample_rate", JAM_RATE_HZ);
    integer(t, "channels", JAM_CHANNELS);
    number(t, "crossfade_seconds", chunk->overlap / (double)JAM_RATE_HZ);
    integer(t, "chunk_frames", chunk->n_frames);
    number(t, "chunk_seconds", chunk->n_frames / 25.0);
    integer(t, "index", chunk->index);
    integer(t, "start_sample", chunk->start_sample);
    integer(t, "samples", chunk->n_samples);
    jam_text_key(t, "format");
    jam_text_string(t, jam_format_name(chunk->format));
    write_place(t, chunk);
    jam_text_key(t, "generation_ms");
    jam_text_fixed(t, chunk->generation_ms, 2);
    jam_text_key(t, "lead_ms");
    jam_text_fixed(t, lead_ms, 2);
    jam_text_close(t, '}');
}

size_t jam_chunk_before(char *ret, size_t cap)
{
    jam_text t;
    jam_text_init(&t, ret, cap);
    jam_text_raw(&t, "{\"type\":\"chunk\",\"audio_base64\":\"");
    return t.len;
}

size_t jam_chunk_after(const jam_chunk *chunk, double lead_ms, char *ret, size_t cap)
{
    jam_text t;
    jam_text_init(&t, ret, cap);
    jam_text_raw(&t, "\"");
    t.comma = true;
    write_metadata(&t, chunk, lead_ms);
    jam_text_close(&t, '}');
    return t.full ? 0 : t.len;
}

size_t jam_chunk_meta(const jam_chunk *chunk, double lead_ms, char *ret, size_t cap)
{
    jam_text t;
    jam_text_init(&t, ret, cap);
    jam_text_open(&t, '{');
    jam_text_key(&t, "type");
    jam_text_string(&t, "chunk_meta");
    write_metadata(&t, chunk, lead_ms);
    jam_text_close(&t, '}');
    return t.full ? 0 : t.len;
}
