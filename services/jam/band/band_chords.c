#include "band_state.h"

/* Semitones above the tonic (C4 in C) around which the parts lie. */
#define COMP_CENTRE 2
#define PAD_CENTRE 3
#define REPEAT_NEED 0.6
#define REPEAT_SPAN 0.38
#define STRUM 0.012 /* beats between voices */

static const band_chord *chord_at(const band_composer *c, int step)
{
    return band_plan_chord(c, 2 * c->bar + (size_t)(step / 8));
}

/* Without its root the tonic chord is another key's; at home it has it. */
static band_voicing_kind voicing_of(const band_composer *c, const band_chord *chord)
{
    band_voicing_kind kind = (band_voicing_kind)c->letter->picks[K_VOICING];
    bool rootless = kind == VOICING_ROOTLESS || kind == VOICING_SIX_NINE;
    if (chord->root != 0 || !rootless) {
        return kind;
    }
    return chord->quality == BAND_DOM7 ? VOICING_SEVENTH : VOICING_ADD9;
}

/* Both hands follow the harmony, whether they play or not, so that they return in place. */
static void lead_voices(band_composer *c, int step)
{
    const band_chord *chord = chord_at(c, step);
    if (chord == c->comp_chord) {
        return;
    }
    c->comp_chord = chord;
    band_voicing_lead(chord, voicing_of(c, chord), COMP_CENTRE, &c->comp);
    band_voicing_lead(chord, VOICING_TRIAD, PAD_CENTRE, &c->pad);
}

static double held(const band_composer *c, const char *steps, int step)
{
    int end = step + 1;
    while (end < BAND_STEPS && steps[end] == '-') {
        end++;
    }
    return end == step + 1 ? 0.21 : band_write_length(c, step, end);
}

static band_tone octave_above(band_tone tone)
{
    return (band_tone){.degree = (int8_t)(tone.degree + BAND_DEGREES),
                       .semis = (int8_t)(tone.semis + 12)};
}

static void strike(band_composer *c, int step, double length, int velocity, double need)
{
    const band_voicing *v = &c->comp;
    for (size_t i = 0; i < v->n; i++) {
        /* The outer voices carry the chord when there are few notes. */
        bool inner = i > 0 && i + 1 < v->n;
        double after = 4.0 * STRUM * (double)i;
        band_write_tone(c, BAND_COMP, step + RF_MIN(after, 0.9), length, v->voices[i],
                        velocity - (inner ? 6 : 0), need + (inner ? 0.12 : 0.0));
    }
    /* And a full texture doubles the highest, but for power chords, which are octaves already. */
    if (c->letter->picks[K_VOICING] == VOICING_POWER) {
        return;
    }
    band_write_tone(c, BAND_COMP, step + 0.5 * STRUM, length, octave_above(v->voices[v->n - 1]),
                    velocity - 14, 0.62 + 0.5 * need);
}

void band_comp_step(band_composer *c, int step)
{
    lead_voices(c, step);
    if (!c->scene.plays[BAND_COMP]) {
        return;
    }
    if (c->scene.last) {
        if (step == 0) {
            strike(c, step, 3.9, 92, 0.0);
        }
        return;
    }
    const char *steps = band_plan_steps(c, K_COMP, false);
    char mark = steps[step];
    if (mark == '.' || mark == '-') {
        return;
    }
    strike(c, step, held(c, steps, step), band_write_velocity(mark) - 8,
           band_write_need(mark, step, 0.06, 0.5));
}

/* One long chord a bar, or two where the harmony moves. */
void band_pad_step(band_composer *c, int step)
{
    bool moves = chord_at(c, 8) != chord_at(c, 0);
    if (!c->scene.plays[BAND_PAD] || !(step == 0 || (step == 8 && moves))) {
        return;
    }
    double length = (step == 0 && moves ? 2.0 : 4.0 - step / 4.0) - 0.005;
    for (size_t i = 0; i < c->pad.n; i++) {
        band_write_tone(c, BAND_PAD, step + 0.01 * (double)i, length, c->pad.voices[i], 74, 0.0);
    }
    band_write_tone(c, BAND_PAD, step + 0.05, length, octave_above(c->pad.voices[c->pad.n - 1]), 56,
                    0.62);
}

/* The last bars of a break climb, faster and faster. */
static void rise(band_composer *c, int step)
{
    const band_chord *chord = chord_at(c, step);
    int at = (int)(c->section_bar % 2) * BAND_STEPS + step;
    bool plays = at >= 16 || step % 2 == 0;
    int degree = band_theory_nearest(chord, at / 2);
    if (plays) {
        band_write_tone(c, BAND_ARP, step, 0.22, band_theory_tone(chord, degree), 50 + 2 * at,
                        0.1 + 0.3 * (step % 2));
    }
}

void band_arp_step(band_composer *c, int step)
{
    static const int8_t TONES[4] = {0, 2, 4, 6};
    if (!c->scene.plays[BAND_ARP] || c->scene.last) {
        return;
    }
    if (c->scene.riser) {
        rise(c, step);
        return;
    }
    const char *steps = band_plan_steps(c, K_ARP, false);
    /* Busy hands repeat a tone where the pattern rests. */
    bool repeats = step > 0 && steps[step] == '.' && steps[step - 1] != '.';
    char mark = repeats ? steps[step - 1] : steps[step];
    if (mark == '.') {
        return;
    }
    double need = repeats ? REPEAT_NEED + REPEAT_SPAN * (step % 8) / 8.0
                          : band_write_need('x', step, 0.1, 0.6);
    const band_chord *chord = chord_at(c, step);
    int k = mark - '0';
    int n = chord->quality >= BAND_DOM7 ? 4 : 3;
    int base = chord->degree > 3 ? chord->degree - BAND_DEGREES : chord->degree;
    int degree = base + TONES[k % n] + BAND_DEGREES * (k / n);
    band_write_tone(c, BAND_ARP, step, 0.3, band_theory_tone(chord, degree),
                    step % 4 == 0 ? 86
                    : repeats     ? 62
                                  : 74,
                    need);
}
