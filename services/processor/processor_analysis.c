/*
 * features, beats, chords, key, sections: the analyses as modules. Ports: audio, features (made
 * here from the audio when it is not fed), beats (the map of the beats module, optional).
 */
#include "analysis_beats.h"
#include "analysis_chords.h"
#include "analysis_key.h"
#include "analysis_sections.h"
#include "processor_audio.h"
#include "processor_beatmap.h"
#include "processor_json.h"
#include "processor_modules.h"
#include "rf_time.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { IN_AUDIO, IN_FEATURES, IN_BEATS };

/* Share of the work that making the features takes, when a module has to. */
#define FEATURES_PERCENT 80.0

/* One analysis under way. */
typedef struct analysis_job {
    processor_call *call;
    analysis_control control;
    double from_percent;
    double to_percent;
    bool is_cancelled;
    int64_t begin_ns;
    double duration_s;
    analysis_frontend *frontend;
    analysis_beats beats; /* empty when the port is not fed */
} analysis_job;

static bool on_cancelled(void *user)
{
    const analysis_job *j = user;
    return j->is_cancelled;
}

static void on_progress(void *user, double fraction)
{
    analysis_job *j = user;
    double percent = j->from_percent + fraction * (j->to_percent - j->from_percent);
    j->is_cancelled |= j->call->progress(j->call, percent);
}

static int make_features(analysis_job *j)
{
    processor_planar planar;
    int err = processor_planar_open(&j->call->in[IN_AUDIO], &planar);
    if (err < 0) {
        return err;
    }
    const analysis_audio audio = {.channels = (const float *const *)planar.channels,
                                  .n_channels = (int)planar.n_channels,
                                  .n_frames = (int64_t)planar.n_frames,
                                  .rate_hz = (int)planar.rate_hz};
    err = analysis_frontend_new(&audio, &j->control, &j->frontend);
    processor_planar_done(&planar);
    return err;
}

static int begin(analysis_job *j, processor_call *call, size_t n_in)
{
    const processor_audio *a = &call->in[IN_AUDIO].audio;
    bool has_features = n_in > IN_FEATURES && call->in[IN_FEATURES].type != PROCESSOR_NONE;
    *j = (analysis_job){.call = call,
                        .begin_ns = rf_time_ns(),
                        .duration_s = (double)a->n_frames / a->rate_hz,
                        .to_percent = n_in == 1 ? 100.0 : FEATURES_PERCENT};
    j->control = (analysis_control){on_cancelled, on_progress, j};
    int err = has_features ? analysis_frontend_load(call->in[IN_FEATURES].fd, &j->frontend)
                           : make_features(j);
    if (err == 0 && n_in > IN_BEATS && call->in[IN_BEATS].type != PROCESSOR_NONE) {
        err = processor_beatmap_read(&call->in[IN_BEATS], &j->beats);
    }
    j->from_percent = has_features ? 0.0 : FEATURES_PERCENT;
    j->to_percent = 100.0;
    return err;
}

static int end(analysis_job *j, int err)
{
    analysis_frontend_free(j->frontend);
    processor_beatmap_done(&j->beats);
    return err;
}

static int save_meta(const analysis_job *j, const char *module, const char *method,
                     double confidence, processor_value *out)
{
    const processor_meta meta = {.module = module,
                                 .version = PROCESSOR_ANALYSIS_VERSION,
                                 .method = method,
                                 .confidence = confidence,
                                 .seconds = (double)(rf_time_ns() - j->begin_ns) / 1e9};
    return processor_json_meta(&meta, out);
}

/* ---- features ---- */

int processor_features_run(processor_call *call)
{
    analysis_job j;
    processor_value *out = &call->out[0];
    int err = begin(&j, call, 1);
    err = err == 0 ? analysis_frontend_save(j.frontend, out->fd) : err;
    if (err == 0) {
        err = processor_value_measure(PROCESSOR_FEATURES, out);
    }
    return end(&j, err);
}

/* ---- beats ---- */

enum { BEATS_MAP, BEATS_BPM, BEATS_META };

int processor_beats_run(processor_call *call)
{
    analysis_job j;
    analysis_beats beats = {0};
    char bpm[32];
    int err = begin(&j, call, 2);
    err = err == 0 ? analysis_beats_find(j.frontend, &j.control, &beats) : err;
    err = err == 0 ? processor_beatmap_write(&beats, j.duration_s, &call->out[BEATS_MAP]) : err;
    if (err == 0) {
        analysis_bpm_format(beats.bpm, bpm, sizeof(bpm));
        call->out[BEATS_BPM] = processor_value_text(PROCESSOR_STRING, bpm);
        err = save_meta(&j, "beats", "multi-band flux, network, bar pointer", beats.confidence,
                        &call->out[BEATS_META]);
    }
    analysis_beats_done(&beats);
    return end(&j, err);
}

/* ---- chords ---- */

enum { CHORDS_FULL, CHORDS_MAP, CHORDS_META };

/* chords: {start,end,label,chord_majmin,chord_simple_pop,bass,confidence} */
static void write_full(rf_buf *b, const analysis_chord *c)
{
    char harte[ANALYSIS_LABEL_SIZE];
    char majmin[ANALYSIS_LABEL_SIZE];
    char simple[ANALYSIS_LABEL_SIZE];
    char bass[ANALYSIS_LABEL_SIZE];
    analysis_chord_harte(c, harte);
    analysis_chord_majmin(c, majmin);
    analysis_chord_simple(c, simple);
    analysis_chord_bass(c, bass);
    rf_buf_printf(b,
                  ",\"label\":\"%s\",\"chord_majmin\":\"%s\",\"chord_simple_pop\":\"%s\","
                  "\"bass\":\"%s\",\"confidence\":",
                  harte, majmin, simple, bass);
    processor_json_number(b, (double)c->confidence, 3);
}

/* chordMap: {start,end,label,chord_majmin}, label as "Cmaj" */
static void write_map(rf_buf *b, const analysis_chord *c)
{
    char plain[ANALYSIS_LABEL_SIZE];
    char majmin[ANALYSIS_LABEL_SIZE];
    analysis_chord_plain(c, plain);
    analysis_chord_majmin(c, majmin);
    rf_buf_printf(b, ",\"label\":\"%s\",\"chord_majmin\":\"%s\"", plain, majmin);
}

static int save_chords(const analysis_chords *chords, const int64_t *ms,
                       void (*write)(rf_buf *b, const analysis_chord *c), processor_value *out)
{
    rf_buf b;
    const char *before = "";
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    rf_buf_append_char(&b, '[');
    for (size_t i = 0; i < chords->n_rows; i++) {
        if (ms[i] < ms[i + 1]) {
            processor_json_span(&b, before, ms[i], ms[i + 1]);
            write(&b, &chords->rows[i]);
            rf_buf_append_char(&b, '}');
            before = ",";
        }
    }
    rf_buf_append_str(&b, "]\n");
    return processor_json_save(&b, PROCESSOR_JSON, out);
}

/* Mean over time. */
static double chords_confidence(const analysis_chords *chords, double duration_s)
{
    double sum = 0;
    for (size_t i = 0; i < chords->n_rows; i++) {
        const analysis_chord *c = &chords->rows[i];
        sum += (double)c->confidence * (c->end_s - c->start_s);
    }
    return duration_s > 0 ? RF_MIN(1.0, sum / duration_s) : 0.0;
}

static int write_chords(const analysis_job *j, const analysis_chords *chords, processor_call *call)
{
    double *starts_s = RF_NEW_ARRAY(double, chords->n_rows);
    int64_t *ms = RF_NEW_ARRAY(int64_t, chords->n_rows + 1);
    for (size_t i = 0; i < chords->n_rows; i++) {
        starts_s[i] = chords->rows[i].start_s;
    }
    processor_spans(starts_s, chords->n_rows, j->duration_s, ms);
    int err = save_chords(chords, ms, write_full, &call->out[CHORDS_FULL]);
    err = err == 0 ? save_chords(chords, ms, write_map, &call->out[CHORDS_MAP]) : err;
    free(starts_s);
    free(ms);
    return err;
}

int processor_chords_run(processor_call *call)
{
    analysis_job j;
    analysis_chords chords = {0};
    int err = begin(&j, call, 3);
    const analysis_beats *beats = j.beats.n_beats > 0 ? &j.beats : NULL;
    err = err == 0 ? analysis_chords_find(j.frontend, beats, &j.control, &chords) : err;
    err = err == 0 ? write_chords(&j, &chords, call) : err;
    err = err == 0 ? save_meta(&j, "chords", "NNLS chroma, Viterbi on beats",
                               chords_confidence(&chords, j.duration_s), &call->out[CHORDS_META])
                   : err;
    analysis_chords_done(&chords);
    return end(&j, err);
}

/* ---- key ---- */

enum { KEY_NAME, KEY_SCORES, KEY_META };

static int save_scores(const analysis_key *key, processor_value *out)
{
    rf_buf b;
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    rf_buf_printf(&b, "{\"tonic\":\"%s\",\"mode\":\"%s\",\"tuningHz\":",
                  analysis_pitch_name(key->tonic), key->minor ? "minor" : "major");
    processor_json_number(&b, key->tuning_hz, 2);
    for (size_t i = 0; i < RF_ARRAY_LEN(key->scores); i++) {
        rf_buf_append_str(&b, i == 0 ? ",\"scores\":[" : ",");
        processor_json_number(&b, (double)key->scores[i], 4);
    }
    rf_buf_append_str(&b, "]}\n");
    return processor_json_save(&b, PROCESSOR_JSON, out);
}

int processor_key_run(processor_call *call)
{
    analysis_job j;
    analysis_key key = {0};
    char name[16];
    int err = begin(&j, call, 2);
    err = err == 0 ? analysis_key_find(j.frontend, &j.control, &key) : err;
    err = err == 0 ? save_scores(&key, &call->out[KEY_SCORES]) : err;
    if (err == 0) {
        analysis_key_name(&key, name);
        call->out[KEY_NAME] = processor_value_text(PROCESSOR_STRING, name);
        err = save_meta(&j, "key", "tuned chroma, linear templates, chords", key.confidence,
                        &call->out[KEY_META]);
    }
    return end(&j, err);
}

/* ---- sections ---- */

enum { SECTIONS_MAP, SECTIONS_META };

static int save_sections(const analysis_job *j, const analysis_sections *s, processor_value *out)
{
    rf_buf b;
    const char *before = "";
    double *starts_s = RF_NEW_ARRAY(double, s->n_rows);
    int64_t *ms = RF_NEW_ARRAY(int64_t, s->n_rows + 1);
    for (size_t i = 0; i < s->n_rows; i++) {
        starts_s[i] = s->rows[i].start_s;
    }
    processor_spans(starts_s, s->n_rows, j->duration_s, ms);
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    rf_buf_append_char(&b, '[');
    for (size_t i = 0; i < s->n_rows; i++) {
        if (ms[i] < ms[i + 1]) {
            processor_json_span(&b, before, ms[i], ms[i + 1]);
            rf_buf_printf(&b, ",\"label\":\"%s\"}", s->rows[i].label);
            before = ",";
        }
    }
    rf_buf_append_str(&b, "]\n");
    free(starts_s);
    free(ms);
    return processor_json_save(&b, PROCESSOR_JSON, out);
}

int processor_sections_run(processor_call *call)
{
    analysis_job j;
    analysis_sections sections = {0};
    int err = begin(&j, call, 3);
    const analysis_beats *beats = j.beats.n_beats > 0 ? &j.beats : NULL;
    err = err == 0 ? analysis_sections_find(j.frontend, beats, &j.control, &sections) : err;
    err = err == 0 ? save_sections(&j, &sections, &call->out[SECTIONS_MAP]) : err;
    /* The method gives no probability; a form of one section says nothing. */
    double confidence = sections.n_rows > 1 ? 0.5 : 0.0;
    err = err == 0 ? save_meta(&j, "sections", "self-similarity, novelty, clustering", confidence,
                               &call->out[SECTIONS_META])
                   : err;
    analysis_sections_done(&sections);
    return end(&j, err);
}
