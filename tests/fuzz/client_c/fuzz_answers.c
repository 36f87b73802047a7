/* What a server sends, as libreflection reads it: the first byte says as what. */
#include "reflection_jam_event.h"
#include "reflection_recorder_words.h"
#include "reflection_wav.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_wav(const uint8_t *data, size_t size)
{
    enum { MAX = 1000 };
    static float samples[REFLECTION_JAM_CHANNELS * MAX];
    reflection_jam_fault fault;
    int n = reflection_wav_decode(data, size, samples, MAX, &fault);
    must(n == -EPROTO || (n >= 0 && n <= MAX));
    for (int i = 0; i < 2 * n; i++) {
        must(isfinite(samples[i]));
    }
}

static void read_chunk(const json_t *object)
{
    reflection_jam_chunk chunk;
    reflection_jam_fault fault;
    if (reflection_event_chunk(object, &chunk, &fault) == 0) {
        must(chunk.n_samples <= REFLECTION_JAM_SAMPLES_MAX && chunk.overlap <= chunk.n_samples);
        must(chunk.n_styles <= REFLECTION_JAM_STYLES_MAX && chunk.bar > 0);
    }
}

static void read_text(const uint8_t *data, size_t size)
{
    json_t *object = NULL;
    const char *type = NULL;
    reflection_jam_fault fault;
    reflection_jam_info info;
    reflection_jam_status status;
    reflection_jam_stopped stopped;
    if (reflection_event_parse((const char *)data, size, &object, &type, &fault) < 0) {
        must(object == NULL);
        return;
    }
    if (reflection_event_started(object, &info, &fault) == 0) {
        must(info.overlap <= 4800 && info.chunk_frames >= 1 && info.chunk_frames <= 50);
    }
    if (reflection_event_status(object, &status, &fault) == 0) {
        must(status.applied_at_sample >= -1);
    }
    (void)reflection_event_stopped(object, &stopped, &fault);
    reflection_event_error(object, &fault);
    must(fault.err < 0 && fault.retry_after_ms >= 0);
    read_chunk(object);
    json_decref(object);
}

/* Documents and errors of the recorder. */
static void read_recorder(const uint8_t *data, size_t size)
{
    reflection_recorder_fault fault;
    reflection_recorder_segment segment;
    reflection_recorder_info info;
    json_t *object = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (reflection_read_segment(object, &segment, &fault) == 0) {
        must(segment.frames >= 0 && segment.sequence >= 1 && segment.json == NULL);
    } else {
        must(fault.err == -EPROTO && fault.field[0] != '\0');
    }
    if (reflection_read_info(object, &info, &fault) == 0) {
        must(info.frames >= 0 && info.durable_frames >= 0);
    }
    must(reflection_read_error(object, size > 8 ? 416 : 0, &fault) < 0 && fault.err < 0);
    must(reflection_recorder_code_name(fault.code)[0] != '\0');
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'R') {
        read_recorder(data + 1, size - 1);
    } else if (size > 0 && data[0] == 'W') {
        read_wav(data + 1, size - 1);
    } else if (size > 0) {
        read_text(data + 1, size - 1);
    }
    return 0;
}
