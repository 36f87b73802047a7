#include "split_case.h"

#include "corpus_render.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define SMALL_FONT 1

static void allocate(split_case *c)
{
    for (int i = 0; i < c->n_channels; i++) {
        c->input[i] = RF_NEW_ARRAY(float, c->n_frames + 1);
        for (int s = 0; s < c->n_stems; s++) {
            c->stems[s][i] = RF_NEW_ARRAY(float, c->n_frames + 1);
        }
    }
}

void split_case_init(split_case *c, int n_stems, int n_channels, int rate_hz, size_t n_frames)
{
    *c = (split_case){
        .n_channels = n_channels, .rate_hz = rate_hz, .n_stems = n_stems, .n_frames = n_frames};
    allocate(c);
    corpus_rng rng = corpus_rng_of(n_frames, (uint64_t)n_channels);
    for (int i = 0; i < n_channels; i++) {
        for (size_t j = 0; j < n_frames; j++) {
            c->input[i][j] = (float)corpus_int(&rng, -4000000, 4000000) / 8388608.0f;
        }
    }
}

void split_case_done(split_case *c)
{
    for (int i = 0; i < c->n_channels; i++) {
        free(c->input[i]);
        for (int s = 0; s < c->n_stems; s++) {
            free(c->stems[s][i]);
        }
    }
}

static int keep(void *user, const float *const *const *stems, size_t n_frames)
{
    split_case *c = user;
    cr_assert_leq(c->n_written + n_frames, c->n_frames, "more frames than the input has");
    for (int s = 0; s < c->n_stems; s++) {
        for (int i = 0; i < c->n_channels; i++) {
            memcpy(c->stems[s][i] + c->n_written, stems[s][i], n_frames * sizeof(float));
        }
    }
    c->n_written += n_frames;
    return c->fail_after > 0 && c->n_written >= c->fail_after ? -ENOSPC : 0;
}

int split_case_run(split_case *c, split_function split, const analysis_control *control)
{
    const float *planes[ANALYSIS_CHANNELS_MAX];
    for (int i = 0; i < c->n_channels; i++) {
        planes[i] = c->input[i];
    }
    const analysis_audio audio = {.channels = planes,
                                  .n_channels = c->n_channels,
                                  .n_frames = (int64_t)c->n_frames,
                                  .rate_hz = c->rate_hz};
    const analysis_sink sink = {keep, c};
    c->n_written = 0;
    return split(&audio, control, &sink);
}

double split_case_worst_sum(const split_case *c)
{
    double worst = 0;
    for (int i = 0; i < c->n_channels; i++) {
        for (size_t j = 0; j < c->n_frames; j++) {
            double sum = isfinite(c->input[i][j]) ? (double)c->input[i][j] : 0;
            for (int s = 0; s < c->n_stems; s++) {
                sum -= (double)c->stems[s][i][j];
            }
            worst = isfinite(sum) ? fmax(worst, fabs(sum)) : INFINITY;
        }
    }
    return worst;
}

void split_case_load(split_case *c, int n_stems, int index, corpus_sounding *ret_stems)
{
    const size_t start = 12 * CORPUS_RATE_HZ;
    corpus_synth *synth = NULL;
    cr_assert_eq(corpus_synth_new(SMALL_FONT, &synth), 0, "install %s",
                 corpus_font_package(SMALL_FONT));
    corpus_piece *piece = corpus_piece_new(CORPUS_GATE, index);
    corpus_sounding whole[CORPUS_N_STEMS];
    cr_assert_eq(corpus_render_stems(synth, piece, whole), 0);
    split_case_init(c, n_stems, 2, CORPUS_RATE_HZ, 20 * CORPUS_RATE_HZ);
    memset(c->input[0], 0, c->n_frames * sizeof(float));
    memset(c->input[1], 0, c->n_frames * sizeof(float));
    for (int s = 0; s < CORPUS_N_STEMS; s++) {
        corpus_sounding_init(&ret_stems[s], c->n_frames);
        for (size_t i = 0; i < c->n_frames; i++) {
            c->input[0][i] += ret_stems[s].left[i] = whole[s].left[start + i];
            c->input[1][i] += ret_stems[s].right[i] = whole[s].right[start + i];
        }
        corpus_sounding_done(&whole[s]);
    }
    corpus_piece_free(piece);
    corpus_synth_free(synth);
}

/* ---- checks ---- */

void split_check_sums(split_function split, int n_stems)
{
    static const struct {
        int n_channels, rate_hz;
        size_t n_frames;
    } shapes[] = {{1, 44100, 1},     {2, 44100, 5},     {2, 44100, 4096},    {1, 8000, 24000},
                  {2, 48000, 70001}, {3, 22050, 20000}, {2, 192000, 100000}, {2, 3000, 9001}};
    for (size_t i = 0; i < RF_ARRAY_LEN(shapes); i++) {
        split_case c;
        split_case_init(&c, n_stems, shapes[i].n_channels, shapes[i].rate_hz, shapes[i].n_frames);
        cr_assert_eq(split_case_run(&c, split, NULL), 0, "shape %zu", i);
        cr_expect_eq(c.n_written, c.n_frames, "shape %zu: %zu of %zu frames", i, c.n_written,
                     c.n_frames);
        cr_expect_eq(split_case_worst_sum(&c), 0, "shape %zu: off by %g", i,
                     split_case_worst_sum(&c));
        split_case_done(&c);
    }
}

static void check_silence(split_function split, int n_stems)
{
    split_case c;
    split_case_init(&c, n_stems, 2, 44100, 44100);
    memset(c.input[0], 0, c.n_frames * sizeof(float));
    memset(c.input[1], 0, c.n_frames * sizeof(float));
    cr_assert_eq(split_case_run(&c, split, NULL), 0);
    for (int s = 0; s < n_stems; s++) {
        for (size_t i = 0; i < c.n_frames; i++) {
            cr_assert_eq(c.stems[s][0][i], 0, "stem %d is not silent at %zu", s, i);
        }
    }
    split_case_done(&c);
}

static void check_wild_samples(split_function split, int n_stems)
{
    split_case c;
    split_case_init(&c, n_stems, 2, 44100, 30000);
    c.input[0][7] = NAN;
    c.input[1][9000] = INFINITY;
    c.input[0][20000] = -INFINITY;
    c.input[1][25000] = 40.0f;
    cr_assert_eq(split_case_run(&c, split, NULL), 0);
    cr_expect_lt(split_case_worst_sum(&c), 1e-5);
    split_case_done(&c);
}

static void check_failing_sink(split_function split, int n_stems)
{
    split_case c;
    split_case_init(&c, n_stems, 1, 8000, 24000);
    c.fail_after = 1;
    cr_expect_eq(split_case_run(&c, split, NULL), -ENOSPC);
    split_case_done(&c);
}

void split_check_edges(split_function split, int n_stems)
{
    split_case c;
    split_case_init(&c, n_stems, 2, 44100, 0);
    cr_expect_eq(split_case_run(&c, split, NULL), 0);
    cr_expect_eq(c.n_written, 0);
    c.rate_hz = 100;
    cr_expect_eq(split_case_run(&c, split, NULL), -EINVAL);
    split_case_done(&c);
    check_silence(split, n_stems);
    check_wild_samples(split, n_stems);
    check_failing_sink(split, n_stems);
}

typedef struct deadline {
    int64_t started_ns, asked_ns;
} deadline;

/* Asks to stop 150 ms after the start. */
static bool is_late(void *user)
{
    deadline *d = user;
    int64_t now = rf_time_ns();
    if (d->asked_ns == 0 && now - d->started_ns > 150000000) {
        d->asked_ns = now;
    }
    return d->asked_ns != 0;
}

void split_check_cancel(split_function split, int n_stems)
{
    split_case c;
    split_case_init(&c, n_stems, 2, 44100, 60 * 44100);
    deadline d = {.started_ns = rf_time_ns()};
    const analysis_control control = {.cancelled = is_late, .user = &d};
    cr_expect_eq(split_case_run(&c, split, &control), -ECANCELED);
    double late_ms = (double)(rf_time_ns() - d.started_ns) * 1e-6 - 150.0;
    cr_expect_lt(late_ms, 500.0, "stopped %.0f ms after it was asked to", late_ms);
    split_case_done(&c);
}
