/* corpus_separate - splits the mixes of pieces into stems and drums and prints their SDR as JSON.
 */
#include "analysis_drums.h"
#include "analysis_stems.h"
#include "corpus_file.h"
#include "corpus_metrics.h"
#include "corpus_render.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Processor time: the analyses run on one thread, and other programs' load must not count. */
static double processor_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct collector {
    corpus_sounding stems[ANALYSIS_SPLIT_MAX_STEMS];
    int n_stems;
    size_t at;
} collector;

static int collect(void *user, const float *const *const *stems, size_t n_frames)
{
    collector *c = user;
    for (int s = 0; s < c->n_stems; s++) {
        memcpy(c->stems[s].left + c->at, stems[s][0], n_frames * sizeof(float));
        memcpy(c->stems[s].right + c->at, stems[s][1], n_frames * sizeof(float));
    }
    c->at += n_frames;
    return 0;
}

typedef int (*splitter)(const analysis_audio *, const analysis_control *, const analysis_sink *);

static int split(splitter run, const corpus_sounding *mix, collector *c)
{
    const float *const planes[2] = {mix->left, mix->right};
    const analysis_audio audio = {.channels = planes,
                                  .n_channels = 2,
                                  .n_frames = (int64_t)mix->n_frames,
                                  .rate_hz = CORPUS_RATE_HZ};
    const analysis_sink sink = {collect, c};
    c->at = 0;
    for (int s = 0; s < c->n_stems; s++) {
        corpus_sounding_init(&c->stems[s], mix->n_frames);
    }
    return run(&audio, NULL, &sink);
}

/* The reference of one output: the stems of the corpus in `members`, bit by bit. */
static void sum_references(const corpus_sounding *stems, unsigned members, corpus_sounding *ret)
{
    corpus_sounding_init(ret, stems[0].n_frames);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        for (size_t j = 0; (members >> i & 1u) != 0 && j < ret->n_frames; j++) {
            ret->left[j] += stems[i].left[j];
            ret->right[j] += stems[i].right[j];
        }
    }
}

static void put(json_t *row, const char *name, const char *what, double value)
{
    RF_CLEANUP(rf_cleanup_free) char *key = rf_asprintf("%s %s", name, what);
    json_object_set_new(row, key, isfinite(value) ? json_real(value) : json_null());
}

/* Where the truth sounds: silence there is no stem to be found. */
static void score(json_t *row, const corpus_sounding *mix, const corpus_sounding *truth,
                  const corpus_sounding *found, const char *name)
{
    double ours = NAN, unsplit = NAN;
    corpus_sdr_median(truth, found, 1, CORPUS_RATE_HZ, &ours);
    corpus_sdr_median(truth, mix, 1, CORPUS_RATE_HZ, &unsplit);
    put(row, name, "sdr", ours);
    put(row, name, "mix", unsplit);
}

typedef struct task {
    splitter run;
    int n_stems;
    const char *names[ANALYSIS_SPLIT_MAX_STEMS];
    unsigned members[ANALYSIS_SPLIT_MAX_STEMS];
} task;

static int run_task(const task *t, const corpus_sounding *mix, const corpus_sounding *stems,
                    json_t *row)
{
    collector c = {.n_stems = t->n_stems};
    double started = processor_seconds();
    int rc = split(t->run, mix, &c);
    put(row, t->names[0], "seconds", processor_seconds() - started);
    for (int s = 0; s < t->n_stems; s++) {
        corpus_sounding truth;
        sum_references(stems, t->members[s], &truth);
        score(row, mix, &truth, &c.stems[s], t->names[s]);
        corpus_sounding_done(&truth);
        corpus_sounding_done(&c.stems[s]);
    }
    return rc;
}

static int load(const char *directory, const char *mix_name, corpus_sounding *mix,
                corpus_sounding *stems)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s.wav", directory, mix_name);
    int rc = corpus_wav_read(path, mix, NULL);
    for (int i = 0; i < CORPUS_N_STEMS && rc == 0; i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *stem =
            rf_asprintf("%s/%s.%s.wav", directory, mix_name, corpus_stem_name((corpus_stem)i));
        rc = corpus_wav_read(stem, &stems[i], NULL);
    }
    return rc;
}

static int separate(const char *directory, const char *mix_name)
{
    static const task tasks[] = {
        {analysis_stems_split, ANALYSIS_N_STEMS, {"vocals", "accompaniments"}, {0x01, 0x3E}},
        {analysis_drums_split, ANALYSIS_N_DRUMS, {"kick", "snare", "rest"}, {0x02, 0x04, 0x39}},
    };
    corpus_sounding mix = {0}, stems[CORPUS_N_STEMS] = {{0}};
    int rc = load(directory, mix_name, &mix, stems);
    json_t *row = json_pack("{s:s, s:s}", "piece", directory, "mix", mix_name);
    json_object_set_new(row, "duration", json_real((double)mix.n_frames / CORPUS_RATE_HZ));
    for (size_t i = 0; i < RF_ARRAY_LEN(tasks) && rc == 0; i++) {
        rc = run_task(&tasks[i], &mix, stems, row);
    }
    if (rc == 0) {
        (void)json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        (void)puts("");
        (void)fflush(stdout);
    }
    json_decref(row);
    corpus_sounding_done(&mix);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_done(&stems[i]);
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fputs("usage: corpus_separate clean|reverb PIECE-DIRECTORY...\n"
                    "Prints a line of JSON a piece that has stems of this mix.\n",
                    stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        (void)separate(argv[i], argv[1]);
    }
    return 0;
}
