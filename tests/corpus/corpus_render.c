#include "corpus_render.h"

#include "corpus_effects.h"
#include "corpus_file.h"
#include "corpus_truth.h"
#include "rf_file.h"

#include <math.h>
#include <string.h>

#define TARGET_RMS 0.1 /* of a track at level 0 dB */
#define PEAK 0.9

const char *corpus_stem_name(corpus_stem stem)
{
    static const char *const names[CORPUS_N_STEMS] = {"vocals",      "kick", "snare",
                                                      "drums_other", "bass", "other"};
    return names[stem];
}

static int play_track(corpus_synth *synth, const corpus_piece *piece, const corpus_track *track,
                      corpus_sounding *out)
{
    double cents = piece->sound.detune_cents;
    if (track->voice != CORPUS_VOICE_GM) {
        corpus_singer_render(track, cents, piece->seed, out);
        return 0;
    }
    return corpus_synth_render(synth, track, cents, out);
}

static void scale_to(corpus_sounding *s, double level_db)
{
    double rms = corpus_rms(s);
    corpus_gain(s, rms > 1e-9 ? TARGET_RMS * pow(10.0, level_db / 20.0) / rms : 0);
}

static int add_track(corpus_synth *synth, const corpus_piece *piece, const corpus_track *track,
                     corpus_sounding *stem)
{
    corpus_sounding s;
    corpus_sounding_init(&s, stem->n_frames);
    int rc = play_track(synth, piece, track, &s);
    if (track->is_distorted) {
        corpus_distort(&s);
    }
    if (!track->is_drums) {
        scale_to(&s, track->level_db);
    }
    corpus_pan(&s, track->pan, piece->sound.width);
    corpus_add(stem, &s);
    corpus_sounding_done(&s);
    return rc;
}

/* The parts of the kit keep their balance; together they get the drums' level. */
static void scale_drums(const corpus_piece *piece, corpus_sounding *stems)
{
    double level_db = 0;
    for (int i = 0; i < piece->n_tracks; i++) {
        level_db = piece->tracks[i].is_drums ? piece->tracks[i].level_db : level_db;
    }
    corpus_sounding kit;
    corpus_sounding_init(&kit, stems[0].n_frames);
    for (int i = CORPUS_KICK; i <= CORPUS_DRUMS_OTHER; i++) {
        corpus_add(&kit, &stems[i]);
    }
    double rms = corpus_rms(&kit);
    for (int i = CORPUS_KICK; i <= CORPUS_DRUMS_OTHER && rms > 1e-9; i++) {
        corpus_gain(&stems[i], TARGET_RMS * pow(10.0, level_db / 20.0) / rms);
    }
    corpus_sounding_done(&kit);
}

/* Someone talks before the music. */
static void add_speech(const corpus_piece *piece, corpus_sounding *vocals)
{
    corpus_rng rng = corpus_rng_of(piece->seed, 4000);
    corpus_note notes[32];
    corpus_track talk = {.voice = CORPUS_VOICE_SPOKEN, .notes = notes};
    for (double at = 0.2; at < piece->head_s - 0.3 && talk.n_notes < 32;) {
        double length = corpus_range(&rng, 0.1, 0.26);
        notes[talk.n_notes++] = (corpus_note){at, at + length, 50, 90};
        at += length + (corpus_chance(&rng, 0.2) ? 0.25 : 0.01);
    }
    corpus_sounding s;
    corpus_sounding_init(&s, vocals->n_frames);
    corpus_singer_render(&talk, 0, piece->seed, &s);
    scale_to(&s, -3);
    corpus_add(vocals, &s);
    corpus_sounding_done(&s);
}

static void add_surroundings(const corpus_piece *piece, corpus_sounding *stems)
{
    const corpus_sound *sound = &piece->sound;
    if (sound->head == CORPUS_APPLAUSE) {
        corpus_applause(&stems[CORPUS_OTHER], 0, piece->head_s, piece->seed);
    } else if (sound->head == CORPUS_SPEECH) {
        add_speech(piece, &stems[CORPUS_VOCALS]);
    }
    if (sound->tail == CORPUS_APPLAUSE) {
        corpus_applause(&stems[CORPUS_OTHER], piece->duration_s - piece->tail_s + 0.3,
                        piece->duration_s, piece->seed + 1);
    }
    for (int i = 0; i < CORPUS_N_STEMS && sound->is_lofi; i++) {
        corpus_lofi(&stems[i]);
    }
    if (sound->is_lofi) {
        corpus_hiss(&stems[CORPUS_OTHER], piece->seed);
    }
}

static void sum_stems(const corpus_sounding *stems, corpus_sounding *mix)
{
    corpus_sounding_init(mix, stems[0].n_frames);
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_add(mix, &stems[i]);
    }
}

static void scale_sum(corpus_sounding *stems)
{
    corpus_sounding mix;
    sum_stems(stems, &mix);
    double peak = corpus_peak(&mix);
    corpus_sounding_done(&mix);
    for (int i = 0; i < CORPUS_N_STEMS && peak > 0; i++) {
        corpus_gain(&stems[i], PEAK / peak);
    }
}

int corpus_render_stems(corpus_synth *synth, const corpus_piece *piece, corpus_sounding *ret_stems)
{
    size_t n_frames = (size_t)ceil(piece->duration_s * CORPUS_RATE_HZ);
    int rc = 0;
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_init(&ret_stems[i], n_frames);
    }
    for (int i = 0; i < piece->n_tracks && rc == 0; i++) {
        rc = add_track(synth, piece, &piece->tracks[i], &ret_stems[piece->tracks[i].stem]);
    }
    scale_drums(piece, ret_stems);
    add_surroundings(piece, ret_stems);
    scale_sum(ret_stems);
    return rc;
}

/* ---- files ---- */

static int write_sounding(const char *directory, const char *mix, const char *stem,
                          const corpus_sounding *s)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s/%s%s%s.wav", directory, mix, stem[0] != '\0' ? "." : "", stem);
    return corpus_wav_write(path, s, stem[0] != '\0' ? 24 : 16);
}

/* Writes the sum of stems, and the stems themselves where wanted. */
static int write_mix(const char *directory, const char *name, const corpus_sounding *stems,
                     double overdrive_db, bool with_stems)
{
    corpus_sounding mix;
    sum_stems(stems, &mix);
    if (overdrive_db > 0) {
        corpus_clip(&mix, overdrive_db);
    }
    int rc = write_sounding(directory, name, "", &mix);
    corpus_sounding_done(&mix);
    for (int i = 0; i < CORPUS_N_STEMS && rc == 0 && with_stems && overdrive_db == 0; i++) {
        rc = write_sounding(directory, name, corpus_stem_name((corpus_stem)i), &stems[i]);
    }
    return rc;
}

static int write_mp3_mix(const corpus_piece *piece, const corpus_sounding *stems,
                         const char *directory)
{
    corpus_sounding mix;
    sum_stems(stems, &mix);
    corpus_reverb(&mix, piece->sound.reverb_s, 0.5 * piece->sound.reverb_wet);
    corpus_gain(&mix, PEAK / fmax(PEAK, corpus_peak(&mix)));
    if (piece->sound.overdrive_db > 0) {
        corpus_clip(&mix, piece->sound.overdrive_db);
    }
    int rc = corpus_mp3_trip(&mix, piece->sound.mp3_kbps);
    rc = rc == 0 ? write_sounding(directory, "mp3", "", &mix) : rc;
    corpus_sounding_done(&mix);
    return rc;
}

static int write_mixes(const corpus_piece *piece, const corpus_render_options *options,
                       corpus_sounding *stems, const char *directory)
{
    int rc = 0;
    if ((options->mixes & CORPUS_MIX_CLEAN) != 0) {
        rc = write_mix(directory, "clean", stems, 0, options->stems);
    }
    if (rc == 0 && (options->mixes & CORPUS_MIX_MP3) != 0) {
        rc = write_mp3_mix(piece, stems, directory);
    }
    if (rc == 0 && (options->mixes & CORPUS_MIX_REVERB) != 0) {
        for (int i = 0; i < CORPUS_N_STEMS; i++) {
            corpus_reverb(&stems[i], piece->sound.reverb_s, piece->sound.reverb_wet);
        }
        scale_sum(stems);
        rc = write_mix(directory, "reverb", stems, piece->sound.overdrive_db, options->stems);
    }
    return rc;
}

static int write_truth(const corpus_piece *piece, const char *directory)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/truth.json", directory);
    corpus_truth truth;
    corpus_truth_of(piece, &truth);
    int rc = corpus_truth_save(path, &truth);
    corpus_truth_done(&truth);
    return rc;
}

int corpus_render_files(corpus_synth *synth, const corpus_piece *piece,
                        const corpus_render_options *options, const char *directory)
{
    corpus_sounding stems[CORPUS_N_STEMS];
    int rc = rf_mkdirs(directory, 0755);
    if (rc != 0) {
        return rc;
    }
    rc = corpus_render_stems(synth, piece, stems);
    rc = rc == 0 ? write_mixes(piece, options, stems, directory) : rc;
    rc = rc == 0 ? write_truth(piece, directory) : rc;
    for (int i = 0; i < CORPUS_N_STEMS; i++) {
        corpus_sounding_done(&stems[i]);
    }
    return rc;
}
