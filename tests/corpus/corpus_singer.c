/* A source-filter singer (Klatt, "Software for a cascade/parallel formant synthesizer", 1980). */
#include "corpus_synth.h"

#include <math.h>

#define N_FORMANTS 4

typedef struct vowel {
    double formant_hz[N_FORMANTS];
    double level[N_FORMANTS];
} vowel;

static const vowel vowels[] = {
    {{800, 1200, 2600, 3500}, {1.0, 0.6, 0.12, 0.08}}, /* a */
    {{500, 1800, 2550, 3500}, {1.0, 0.4, 0.2, 0.1}},   /* e */
    {{300, 2200, 2950, 3600}, {1.0, 0.25, 0.2, 0.12}}, /* i */
    {{450, 850, 2600, 3400}, {1.0, 0.5, 0.06, 0.04}},  /* o */
    {{330, 750, 2500, 3400}, {1.0, 0.35, 0.04, 0.03}}, /* u */
    {{600, 1500, 2500, 3500}, {1.0, 0.5, 0.15, 0.08}}, /* schwa */
};

typedef struct resonator {
    double y1, y2;
} resonator;

typedef struct singer {
    corpus_rng rng;
    double size; /* formants against a man's */
    double vibrato_hz, vibrato_cents, breath, tilt;
    bool speaks;
    double phase, vibrato_phase, pitch, wander, tilt_state;
    double formant_hz[N_FORMANTS], level[N_FORMANTS];
    resonator formants[N_FORMANTS];
    double noise1, noise2;
} singer;

static double resonate(resonator *r, double x, double hz, double bandwidth_hz)
{
    double radius = exp(-M_PI * bandwidth_hz / CORPUS_RATE_HZ);
    double turn = 2.0 * M_PI * hz / CORPUS_RATE_HZ;
    double y = (1.0 - radius) * x + 2.0 * radius * cos(turn) * r->y1 - radius * radius * r->y2;
    r->y2 = r->y1;
    r->y1 = y;
    return y;
}

/* A rounded glottal pulse, its derivative's tilt set by a one-pole low-pass. */
static double glottis(singer *s, double f0)
{
    s->phase += f0 / CORPUS_RATE_HZ;
    s->phase -= floor(s->phase);
    double open = 0.6;
    double flow = s->phase < open ? sin(M_PI * s->phase / open) * s->phase / open : 0;
    s->tilt_state += s->tilt * (flow - 0.2 - s->tilt_state);
    return flow - s->tilt_state;
}

typedef struct syllable {
    double midi_start, midi_end; /* speech glides */
    vowel v;
    double consonant_s; /* noise before the vowel */
    bool hisses;
} syllable;

static syllable draw_syllable(singer *s, const corpus_note *note, double cents)
{
    syllable y = {.v = vowels[corpus_int(&s->rng, 0, (int)RF_ARRAY_LEN(vowels) - 1)]};
    y.midi_start = y.midi_end = note->pitch + cents / 100.0;
    if (s->speaks) {
        y.midi_start = 48 + 7 * (s->size - 1) * 10 + corpus_range(&s->rng, -4, 6);
        y.midi_end = y.midi_start - corpus_range(&s->rng, -2, 5);
    }
    double kind = corpus_unit(&s->rng);
    y.consonant_s = kind < (s->speaks ? 0.7 : 0.4) ? corpus_range(&s->rng, 0.02, 0.09) : 0;
    y.hisses = corpus_chance(&s->rng, 0.5);
    return y;
}

static double consonant(singer *s, const syllable *y)
{
    double white = 2.0 * corpus_unit(&s->rng) - 1.0;
    double low = s->noise1 += 0.35 * (white - s->noise1);
    s->noise2 += 0.6 * (white - s->noise2);
    return 0.12 * (y->hisses ? white - low : s->noise2 - low);
}

static double voiced(singer *s, const syllable *y, double at_s, double share)
{
    double wish = y->midi_start + (y->midi_end - y->midi_start) * share;
    s->pitch += (wish - s->pitch) * (s->speaks ? 0.004 : 0.0009);
    s->wander += 0.0005 * (corpus_normal(&s->rng) * 3.0 - s->wander);
    double depth = s->speaks ? 0 : s->vibrato_cents * fmin(1.0, fmax(0, at_s - 0.15) * 4.0);
    s->vibrato_phase += s->vibrato_hz / CORPUS_RATE_HZ;
    double cents = depth * sin(2.0 * M_PI * s->vibrato_phase) + 12.0 * s->wander;
    double source = glottis(s, 440.0 * exp2((s->pitch - 69.0) / 12.0 + cents / 1200.0));
    source += s->breath * (corpus_unit(&s->rng) - 0.5);
    double sum = 0;
    for (int i = 0; i < N_FORMANTS; i++) {
        s->formant_hz[i] += 0.0012 * (y->v.formant_hz[i] * s->size - s->formant_hz[i]);
        s->level[i] += 0.0012 * (y->v.level[i] - s->level[i]);
        sum += s->level[i] * resonate(&s->formants[i], source, s->formant_hz[i], 60.0 + 30.0 * i);
    }
    return sum;
}

static void sing_note(singer *s, const corpus_note *note, const corpus_note *next, double cents,
                      corpus_sounding *out)
{
    syllable y = draw_syllable(s, note, cents);
    double end_s = next != NULL ? fmin(note->end_s, next->start_s) : note->end_s;
    double length_s = end_s - note->start_s;
    double start_s = fmax(0, note->start_s - 0.5 * y.consonant_s);
    if (s->pitch == 0 || (!s->speaks && corpus_chance(&s->rng, 0.3))) {
        s->pitch = y.midi_start - 1.2; /* scoop up from below */
    }
    size_t first = (size_t)(start_s * CORPUS_RATE_HZ);
    size_t n = (size_t)((length_s + 0.06) * CORPUS_RATE_HZ);
    double level = note->velocity / 100.0;
    for (size_t i = 0; i < n && first + i < out->n_frames; i++) {
        double at_s = (double)i / CORPUS_RATE_HZ;
        double into_vowel = at_s - y.consonant_s;
        double rise = fmin(1.0, fmax(0, into_vowel) / 0.035);
        double fall = fmin(1.0, fmax(0, length_s + 0.06 - at_s) / 0.06);
        double x = into_vowel < 0.02 && y.consonant_s > 0
                       ? consonant(s, &y) * fmin(1.0, at_s / 0.01) * (1.0 - rise)
                       : 0;
        x += voiced(s, &y, fmax(0, into_vowel), at_s / length_s) * rise * fall;
        out->left[first + i] += (float)(x * level);
    }
}

void corpus_singer_render(const corpus_track *track, double cents, uint64_t seed,
                          corpus_sounding *out)
{
    singer s = {.rng = corpus_rng_of(seed, 2000), .speaks = track->voice == CORPUS_VOICE_SPOKEN};
    s.size = track->program % 2 == 0 ? corpus_range(&s.rng, 0.98, 1.05)
                                     : corpus_range(&s.rng, 1.12, 1.22);
    s.vibrato_hz = corpus_range(&s.rng, 4.8, 6.4);
    s.vibrato_cents = corpus_range(&s.rng, 10, 65);
    s.breath = corpus_range(&s.rng, 0.01, 0.08);
    s.tilt = corpus_range(&s.rng, 0.02, 0.08);
    for (size_t i = 0; i < out->n_frames; i++) {
        out->left[i] = 0;
    }
    for (size_t i = 0; i < track->n_notes; i++) {
        const corpus_note *next = i + 1 < track->n_notes ? &track->notes[i + 1] : NULL;
        sing_note(&s, &track->notes[i], next, cents, out);
    }
    for (size_t i = 0; i < out->n_frames; i++) {
        out->right[i] = out->left[i];
    }
}
