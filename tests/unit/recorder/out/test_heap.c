/* Memory of a consumer and of an extract, codecs and resampler included: at most 2 MiB (D14). */
#include "out_make.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <unistd.h>

#define MAX_HEAP (2 << 20)

static size_t heap(void)
{
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static size_t heap_of(const out_master *m, const recorder_output *output, recorder_framing framing)
{
    const recorder_stream_params p = {.fd = m->fd,
                                      .session = m->pcm,
                                      .output = *output,
                                      .chunk_frames = 4096,
                                      .framing = framing};
    recorder_stream *stream = NULL;
    recorder_stream_piece piece;
    size_t most = 0;
    const size_t before = heap();
    cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
    for (int64_t readable = 0; readable <= m->n_frames + 400; readable += 400) {
        const bool ended = readable >= m->n_frames;
        while (recorder_stream_next(stream, RF_MIN(readable, m->n_frames), ended, &piece) == 1) {
            most = RF_MAX(most, heap() - before);
        }
    }
    recorder_stream_close(stream);
    return most;
}

/* The dearest there is: 8 channels, resampled as far as can be, the largest blocks of a codec. */
Test(out_heap, D14_a_consumer_needs_at_most_2_MiB, .timeout = 100)
{
    static const struct {
        uint32_t from, to;
    } rates[] = {{192000, 8000}, {8000, 192000},  {44100, 8000},
                 {8000, 44100},  {44100, 192000}, {192000, 44100}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates) * RECORDER_N_FORMATS; i++) {
        const uint32_t from = rates[i / RECORDER_N_FORMATS].from;
        const recorder_output output = {.format = (recorder_format)(i % RECORDER_N_FORMATS),
                                        .rate_hz = rates[i / RECORDER_N_FORMATS].to,
                                        .flac_level = 8};
        out_master m = out_master_new(RF_SAMPLE_F32, 8, from, from / 4);
        for (int framing = 0; framing < 2; framing++) {
            const size_t most = heap_of(&m, &output, (recorder_framing)framing);
            cr_expect_leq(most, MAX_HEAP, "%s, 8 channels, %u to %u Hz, framing %d: %zu bytes",
                          recorder_format_name(output.format), from, output.rate_hz, framing, most);
        }
        out_master_done(&m);
    }
}

typedef struct watch {
    size_t before, most;
} watch;

static int watch_heap(void *user, const void *data, size_t len)
{
    watch *w = user;
    (void)data;
    (void)len;
    w->most = RF_MAX(w->most, heap() - w->before);
    return 0;
}

Test(out_heap, D14_an_extract_of_any_length_needs_at_most_2_MiB)
{
    const rf_pcm pcm = {.sample = RF_SAMPLE_S16, .n_channels = 2, .rate_hz = 48000};
    int fd = media_file("", 0); /* silence of any length */
    size_t most[RECORDER_N_FORMATS][2];
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        for (int is_long = 0; is_long < 2; is_long++) {
            const recorder_extract_params p = {
                .fd = fd,
                .session = pcm,
                .output = {.format = (recorder_format)format, .rate_hz = 44100, .flac_level = -1},
                .count = is_long == 1 ? 48000 * 60 : 48000 * 10};
            watch w = {.before = heap()};
            cr_assert_eq(recorder_extract(&p, watch_heap, &w, NULL, NULL), 0);
            most[format][is_long] = w.most;
            cr_expect_leq(w.most, MAX_HEAP, "%s: %zu", recorder_format_name(p.output.format),
                          w.most);
        }
        cr_expect_leq(most[format][1], most[format][0] + 65536, "%zu grows to %zu", most[format][0],
                      most[format][1]);
    }
    close(fd);
}
