/* jam.md section 10, allocation: rendering, steering and chunk building make no heap call once they
 * have warmed up. The C library's allocator is counted from within this program. */
#include "jam_chunk.h"
#include "jam_text.h"
#include "stream_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

/* The compiler knows malloc, and that it reads no variable of ours. */
static volatile bool counting;
static volatile unsigned n_calls;

void *malloc(size_t size)
{
    n_calls = n_calls + (counting ? 1 : 0);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    n_calls = n_calls + (counting ? 1 : 0);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    n_calls = n_calls + (counting ? 1 : 0);
    return __libc_realloc(p, size);
}

void free(void *p)
{
    n_calls = n_calls + (counting && p != NULL ? 1 : 0);
    __libc_free(p);
}

static void steer(jam_stream *s, int i)
{
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_BPM) | JAM_FIELD_BIT(JAM_FIELD_STYLES),
                    .bpm = 100.0 + i % 50,
                    .n_styles = 1,
                    .styles = {"jazz"},
                    .key = JAM_KEY_AUTO};
    c.ramp_ms[JAM_FIELD_BPM] = 300;
    if (i % 3 == 0) {
        c.set |= JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE);
        c.at_sample = jam_timeline_next(jam_stream_timeline(s)) + 500;
    }
    stream_update(s, &c);
}

static void run(jam_format format, int n_chunks)
{
    static uint8_t file[1 << 20];
    static char text[JAM_ENVELOPE_MAX];
    static jam_chunk chunk;
    engine_fixture f;
    jam_encoder *encoder = NULL;
    engine_fixture_init(&f);
    jam_stream *s = stream_of(&f, 1, NULL, 1920);
    cr_assert_eq(jam_encoder_new(format, 128, 1, &encoder), 0);
    for (int i = 0; i < n_chunks; i++) {
        jam_cut cut;
        counting = i >= 5; /* 10 s */
        steer(s, i);
        jam_stream_stretch(s, i % 4 == 0 ? 1.1 : 1.0);
        if (i % 7 == 0) {
            jam_stream_skip(s, 3);
        }
        int err = stream_chunk(s, 50, &cut);
        int64_t len =
            jam_encoder_file(encoder, cut.pcm, cut.n_samples, cut.start_sample, file, sizeof(file));
        jam_chunk_describe(&cut, format, 1, 0.5, &chunk);
        size_t meta = jam_chunk_meta(&chunk, 1.0, text, sizeof(text));
        counting = false;
        cr_assert(err == 0 && len > 0 && meta > 0);
    }
    cr_expect_eq(n_calls, 0, "%s: %u heap calls", jam_format_name(format), n_calls);
    n_calls = 0;
    jam_encoder_free(encoder);
    jam_stream_free(s);
    engine_fixture_done(&f);
}

Test(heap, calls_are_counted)
{
    counting = true;
    void *volatile p = malloc(10);
    free(p);
    counting = false;
    cr_expect_eq(n_calls, 2);
}

Test(heap, none_for_wav_f32)
{
    run(JAM_FORMAT_WAV_F32, 40);
}

Test(heap, none_for_wav_s16)
{
    run(JAM_FORMAT_WAV_S16, 40);
}

Test(heap, none_for_opus)
{
    run(JAM_FORMAT_OPUS, 20);
}
