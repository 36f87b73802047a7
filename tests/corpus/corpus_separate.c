/* corpus_separate - splits the mixes of pieces into stems and drums and prints as JSON how
 * good they are. */
#include "analysis_drums.h"
#include "analysis_stems.h"
#include "corpus_effects.h"
#include "corpus_file.h"
#include "corpus_metrics.h"
#include "corpus_onsets.h"
#include "corpus_render.h"
#include "corpus_spectra.h"
#include "corpus_truth.h"

#include <errno.h>
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

static double rms_db(const corpus_sounding *s)
{
    double sum = 1e-20;
    for (size_t i = 0; i < s->n_frames; i++) {
        sum += (double)s->left[i] * (double)s->left[i] + (double)s->right[i] * (double)s->right[i];
    }
    return 10.0 * log10(sum / (2.0 * (double)s->n_frames));
}

/* SDR where the truth sounds: silence there is no stem to be found. Levels are against the mix. */
static void score(json_t *row, const corpus_sounding *mix, const corpus_sounding *truth,
                  const corpus_sounding *found, const corpus_sounding *ideal, const char *name)
{
    double ours = NAN, unsplit = NAN, best = NAN;
    corpus_sdr_median(truth, found, 1, CORPUS_RATE_HZ, &ours);
    corpus_sdr_median(truth, mix, 1, CORPUS_RATE_HZ, &unsplit);
    corpus_sdr_median(truth, ideal, 1, CORPUS_RATE_HZ, &best);
    put(row, name, "sdr", ours);
    put(row, name, "mix", unsplit);
    put(row, name, "ideal", best);
    put(row, name, "level", rms_db(truth) - rms_db(mix));
    put(row, name, "found", rms_db(found) - rms_db(mix));
}

/* BSS Eval v4 leaves out the seconds in which any of the stems is silent, for all of them. */
static void score_jointly(json_t *row, const corpus_sounding *mix, const corpus_sounding *truths,
                          const corpus_sounding *found, int n_stems, const char *const *names)
{
    double ours[ANALYSIS_SPLIT_MAX_STEMS], unsplit[ANALYSIS_SPLIT_MAX_STEMS];
    corpus_sounding mixes[ANALYSIS_SPLIT_MAX_STEMS];
    for (int s = 0; s < n_stems; s++) {
        mixes[s] = *mix;
    }
    corpus_sdr_median(truths, found, n_stems, CORPUS_RATE_HZ, ours);
    corpus_sdr_median(truths, mixes, n_stems, CORPUS_RATE_HZ, unsplit);
    for (int s = 0; s < n_stems; s++) {
        put(row, names[s], "joint sdr", ours[s]);
        put(row, names[s], "joint mix", unsplit[s]);
    }
}

typedef struct task {
    splitter run;
    int n_stems, length; /* of the splitter's transform */
    const char *names[ANALYSIS_SPLIT_MAX_STEMS];
    unsigned members[ANALYSIS_SPLIT_MAX_STEMS];
    bool has_onsets;
} task;

/* The last stem is what ideal masks leave of the mix, as with the splitter. */
static void split_ideally(const task *t, const corpus_sounding *mix, const corpus_sounding *truths,
                          corpus_sounding *ret)
{
    corpus_spectra spectra;
    int last = t->n_stems - 1;
    corpus_spectra_init(&spectra, t->length);
    corpus_ideal_split(&spectra, mix, truths, last, ret);
    corpus_spectra_done(&spectra);
    corpus_sounding_init(&ret[last], mix->n_frames);
    for (size_t i = 0; i < mix->n_frames; i++) {
        ret[last].left[i] = mix->left[i];
        ret[last].right[i] = mix->right[i];
        for (int s = 0; s < last; s++) {
            ret[last].left[i] -= ret[s].left[i];
            ret[last].right[i] -= ret[s].right[i];
        }
    }
}

/* Onsets of kick and snare within 50 ms: of what was found, and as the detector hears the truth. */
static void score_onsets(json_t *row, const corpus_truth *truth, const corpus_sounding *mix,
                         const corpus_sounding *found, const corpus_sounding *truths,
                         const char *const *names)
{
    const double *times_s[] = {truth->kicks_s, truth->snares_s};
    const size_t n_times[] = {truth->n_kicks, truth->n_snares};
    for (int i = 0; i < 2; i++) {
        const corpus_sounding *sounds[] = {&found[i], &truths[i], mix};
        static const char *const whats[] = {"onset f", "onset ideal", "onset mix"};
        for (int k = 0; k < 3; k++) {
            double *onsets_s = NULL;
            size_t n = corpus_onsets_find(sounds[k], mix, &onsets_s);
            double f =
                n_times[i] > 0 ? corpus_f_measure(times_s[i], n_times[i], onsets_s, n, 0.05) : NAN;
            put(row, names[i], whats[k], f);
            free(onsets_s);
        }
    }
}

static int run_task(const task *t, const corpus_sounding *mix, const corpus_sounding *stems,
                    const corpus_truth *truth, json_t *row)
{
    collector c = {.n_stems = t->n_stems};
    corpus_sounding truths[ANALYSIS_SPLIT_MAX_STEMS], ideal[ANALYSIS_SPLIT_MAX_STEMS];
    double started = processor_seconds();
    int rc = split(t->run, mix, &c);
    put(row, t->names[0], "seconds", processor_seconds() - started);
    for (int s = 0; s < t->n_stems; s++) {
        sum_references(stems, t->members[s], &truths[s]);
    }
    split_ideally(t, mix, truths, ideal);
    score_jointly(row, mix, truths, c.stems, t->n_stems, t->names);
    if (t->has_onsets) {
        score_onsets(row, truth, mix, c.stems, truths, t->names);
    }
    for (int s = 0; s < t->n_stems; s++) {
        score(row, mix, &truths[s], &c.stems[s], &ideal[s], t->names[s]);
        corpus_sounding_done(&truths[s]);
        corpus_sounding_done(&ideal[s]);
        corpus_sounding_done(&c.stems[s]);
    }
    return rc;
}

/* ---- treatments: as the song might reach us ---- */

static void fold_to_mono(corpus_sounding *mix, corpus_sounding *stems)
{
    corpus_pan(mix, 0, 0);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_pan(&stems[i], 0, 0);
    }
}

/* Louder by 6 dB and cut off at full scale; the stems become louder, too. */
static void overdrive(corpus_sounding *mix, corpus_sounding *stems)
{
    const double gain_db = 6;
    corpus_clip(mix, gain_db);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_gain(&stems[i], pow(10.0, gain_db / 20.0));
    }
}

static void leave_out(corpus_sounding *mix, corpus_sounding *stems, corpus_stem first,
                      corpus_stem last)
{
    for (int i = (int)first; i <= (int)last; i++) {
        corpus_gain(&stems[i], -1);
        corpus_add(mix, &stems[i]);
        corpus_gain(&stems[i], 0);
    }
}

static int treat(const char *treatment, corpus_sounding *mix, corpus_sounding *stems)
{
    if (strcmp(treatment, "mono") == 0) {
        fold_to_mono(mix, stems);
    } else if (strcmp(treatment, "clipped") == 0) {
        overdrive(mix, stems);
    } else if (strcmp(treatment, "mp3") == 0) {
        return corpus_mp3_trip(mix, 64);
    } else if (strcmp(treatment, "no-vocals") == 0) {
        leave_out(mix, stems, CORPUS_VOCALS, CORPUS_VOCALS);
    } else if (strcmp(treatment, "no-drums") == 0) {
        leave_out(mix, stems, CORPUS_KICK, CORPUS_DRUMS_OTHER);
    } else if (strcmp(treatment, "plain") != 0) {
        return -EINVAL;
    }
    return 0;
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

static int separate(const char *directory, const char *mix_name, const char *treatment)
{
    static const task tasks[] = {
        {.run = analysis_stems_split,
         .n_stems = ANALYSIS_N_STEMS,
         .length = 4096,
         .names = {"vocals", "accompaniments"},
         .members = {0x01, 0x3E}},
        {.run = analysis_drums_split,
         .n_stems = ANALYSIS_N_DRUMS,
         .length = 2048,
         .names = {"kick", "snare", "rest"},
         .members = {0x02, 0x04, 0x39},
         .has_onsets = true},
    };
    corpus_sounding mix = {0}, stems[CORPUS_N_STEMS] = {{0}};
    corpus_truth truth = {0};
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/truth.json", directory);
    int rc = corpus_truth_load(path, &truth);
    rc = rc == 0 ? load(directory, mix_name, &mix, stems) : rc;
    rc = rc == 0 ? treat(treatment, &mix, stems) : rc;
    json_t *row =
        json_pack("{s:s, s:s, s:s}", "piece", directory, "mix", mix_name, "treatment", treatment);
    json_object_set_new(row, "duration", json_real((double)mix.n_frames / CORPUS_RATE_HZ));
    for (size_t i = 0; i < RF_ARRAY_LEN(tasks) && rc == 0; i++) {
        rc = run_task(&tasks[i], &mix, stems, &truth, row);
    }
    if (rc == 0) {
        (void)json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        (void)puts("");
        (void)fflush(stdout);
    }
    json_decref(row);
    corpus_truth_done(&truth);
    corpus_sounding_done(&mix);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_done(&stems[i]);
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fputs("usage: corpus_separate clean|reverb TREATMENT PIECE-DIRECTORY...\n"
                    "Treatments: plain, mono, clipped, mp3 (64 kbit/s), no-vocals, no-drums.\n"
                    "Prints a line of JSON a piece that has stems of this mix.\n",
                    stderr);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        (void)separate(argv[i], argv[1], argv[2]);
    }
    return 0;
}
