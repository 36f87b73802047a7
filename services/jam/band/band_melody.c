#include <string.h>

#include "band_random.h"
#include "band_state.h"
#include "band_tune.h"

#define LEAD_CENTRE 8 /* degrees above the tonic */
#define LEAD_LOWEST 2
#define LEAD_HIGHEST 15
#define MOTIFS 3

/* A motif: when its notes start, and how far from its first note they lie. */
typedef struct band_motif {
    const char *rhythm;
    uint8_t contour;
    uint8_t turn; /* of its first return, and its third */
    int start;    /* degrees above the chord's root */
    band_mode mode;
    jam_scale scale;
} band_motif;

/* Steps of a motif's notes from its first, one after another; the last is repeated. */
static const int8_t CONTOURS[BAND_N_CONTOURS][8] = {
    [CONTOUR_ARCH] = {0, 1, 2, 4, 3, 2, 1, 0},
    [CONTOUR_BOWL] = {0, -1, -2, -3, -2, -1, 0, 1},
    [CONTOUR_RISE] = {0, 1, 2, 3, 4, 5, 6, 7},
    [CONTOUR_FALL] = {0, -1, -2, -3, -4, -5, -6, -7},
    [CONTOUR_STAY] = {0, 0, 0, 1, 0, 0, -1, 0},
    [CONTOUR_NEIGHBOUR] = {0, 1, 0, -1, 0, 1, 2, 0},
    [CONTOUR_ZIGZAG] = {0, 2, 1, 3, 2, 4, 3, 2},
    [CONTOUR_LEAP_FALL] = {0, 4, 3, 2, 1, 0, -1, 0},
    [CONTOUR_DROP_RISE] = {0, -4, -3, -2, -1, 0, 1, 0},
    [CONTOUR_CHORD_UP] = {0, 2, 4, 7, 4, 2, 0, 2},
    [CONTOUR_CHORD_DOWN] = {0, -3, -5, -7, -5, -3, 0, -3},
    [CONTOUR_PEDAL] = {0, 2, 0, 3, 0, 4, 0, 2},
    [CONTOUR_WAVE] = {0, 1, 2, 1, 0, -1, -2, -1},
    [CONTOUR_SIGH] = {0, 2, 1, 0, -1, -2, -1, -2},
};

/* Which motif each bar has; 3: rest. */
static const uint8_t PLANS[BAND_N_PLANS][BAND_PHRASE_BARS] = {
    [PLAN_AAAB] = {0, 0, 0, 1}, [PLAN_AABA] = {0, 0, 1, 0}, [PLAN_ABAB] = {0, 1, 0, 1},
    [PLAN_ABAC] = {0, 1, 0, 2}, [PLAN_AABB] = {0, 0, 1, 1}, [PLAN_ABCB] = {0, 1, 2, 1},
    [PLAN_AAAA] = {0, 0, 0, 0}, [PLAN_CALL] = {0, 3, 0, 3},
};

static const band_chord *chord_of(const band_letter *letter, size_t bar, int step)
{
    size_t half = 2 * bar + (size_t)(step / 8);
    size_t i = letter->n_chords;
    while (i > 1 && letter->chord_at[i - 1] > half) {
        i--;
    }
    return &letter->chords[i - 1];
}

static int within(int degree)
{
    while (degree > LEAD_HIGHEST) {
        degree -= BAND_DEGREES;
    }
    while (degree < LEAD_LOWEST) {
        degree += BAND_DEGREES;
    }
    return degree;
}

static void add(band_melody *m, int step, int length, int degree, bool grace)
{
    if (m->n < BAND_MELODY_MAX) {
        m->notes[m->n++] = (band_melody_note){.step = (uint8_t)step,
                                              .length = (uint8_t)length,
                                              .degree = (int8_t)degree,
                                              .grace = grace};
    }
}

static int held(const char *rhythm, int step)
{
    int end = step + 1;
    while (end < BAND_STEPS && rhythm[end] == '-') {
        end++;
    }
    return end - step;
}

static bool is_strong(int step, int length)
{
    return step % 8 == 0 || length >= 4;
}

/* Strong notes are chord tones, the others fall where the contour leads in the tune's mode. */
static int settle(const band_motif *motif, const band_chord *chord, int degree, int step,
                  int length)
{
    return within(is_strong(step, length) ? band_tune_strong(chord, degree)
                                          : band_tune_weak(motif->mode, motif->scale, degree));
}

/* Where the motif starts in this bar: near its own height, on the chord. */
static int anchor(const band_chord *chord, int start)
{
    int degree = chord->degree + start;
    while (degree > LEAD_CENTRE + 3) {
        degree -= BAND_DEGREES;
    }
    while (degree < LEAD_CENTRE - 4) {
        degree += BAND_DEGREES;
    }
    return degree;
}

static int turned(band_turn turn, int offset)
{
    switch (turn) {
    case TURN_UP:
        return offset + 1;
    case TURN_DOWN:
        return offset - 1;
    case TURN_THIRD_UP:
        return offset + 2;
    case TURN_INVERTED:
        return -offset;
    case TURN_OCTAVE:
        return offset + BAND_DEGREES;
    default:
        return offset;
    }
}

static void write_bar(const band_letter *letter, size_t bar, const band_motif *motif,
                      band_turn turn, band_melody *ret)
{
    int shift = turn == TURN_DISPLACED ? 2 : 0;
    int end = turn == TURN_CUT ? BAND_STEPS / 2 : BAND_STEPS;
    int k = 0;
    int first = anchor(chord_of(letter, bar, 0), motif->start);
    ret->n = 0;
    for (int step = 0; step + shift < end; step++) {
        if (motif->rhythm[step] != 'x') {
            continue;
        }
        int at = step + shift;
        int length = RF_MIN(held(motif->rhythm, step), BAND_STEPS - at);
        int degree = first + turned(turn, CONTOURS[motif->contour][k % 8]);
        degree = settle(motif, chord_of(letter, bar, at), degree, at, length);
        if (turn == TURN_ORNAMENTED && length >= 3) {
            add(ret, at, 1, within(degree + 1), true);
            add(ret, at + 1, length - 1, degree, false);
        } else {
            add(ret, at, length, degree, false);
        }
        k++;
    }
}

/* The last bar comes to rest: its last note is a long one of the chord. */
static void close_phrase(const band_letter *letter, band_melody *m)
{
    if (m->n == 0) {
        return;
    }
    band_melody_note *last = &m->notes[m->n - 1];
    const band_chord *chord = chord_of(letter, BAND_PHRASE_BARS - 1, last->step);
    last->degree = (int8_t)within(band_tune_strong(chord, last->degree));
    last->length = (uint8_t)RF_MIN(BAND_STEPS - last->step, 6);
}

/* Steps of the bar in which the lead is silent, from its last note on. */
static int rests_from(const band_melody *lead)
{
    if (lead->n == 0) {
        return 0;
    }
    const band_melody_note *last = &lead->notes[lead->n - 1];
    return last->step + last->length;
}

static void echo(const band_letter *letter, size_t bar, const band_melody *call,
                 const band_melody *lead, band_melody *ret)
{
    int from = rests_from(lead);
    from += from % 2;
    for (size_t i = 0; i < call->n; i++) {
        int at = from + call->notes[i].step;
        if (at < BAND_STEPS - 1) {
            int degree = band_theory_nearest(chord_of(letter, bar, at), call->notes[i].degree - 2);
            add(ret, at, RF_MIN(call->notes[i].length, BAND_STEPS - at), degree, false);
        }
    }
}

static void write_answer(const band_letter *letter, size_t bar, band_answer answer,
                         band_melody *ret)
{
    const band_melody *lead = &letter->lead[bar];
    ret->n = 0;
    if (answer == ANSWER_ECHO) {
        echo(letter, bar, &letter->lead[0], lead, ret);
    } else if (answer == ANSWER_THIRDS) {
        for (size_t i = 0; i < lead->n; i++) {
            const band_melody_note *note = &lead->notes[i];
            const band_chord *chord = chord_of(letter, bar, note->step);
            int degree = note->degree - 2;
            degree = note->length >= 4 ? band_theory_nearest(chord, degree) : degree;
            add(ret, note->step, note->length, degree, false);
        }
    } else if (answer == ANSWER_GUIDE || answer == ANSWER_HITS) {
        int length = answer == ANSWER_GUIDE ? 8 : 1;
        for (int step = 0; step < BAND_STEPS; step += 8) {
            const band_chord *chord = chord_of(letter, bar, step);
            int third = within(chord->degree + 2);
            add(ret, answer == ANSWER_HITS ? step + 6 : step, length,
                third > LEAD_CENTRE ? third - BAND_DEGREES + 2 : third, false);
        }
    }
}

static void choose_motifs(band_composer *c, double beat, band_motif *ret)
{
    for (size_t i = 0; i < MOTIFS; i++) {
        size_t rhythm = band_choice_pick(&c->chooser, K_RHYTHM, beat);
        size_t contour = band_choice_pick(&c->chooser, K_CONTOUR, beat);
        size_t turn = band_choice_pick(&c->chooser, K_TURN, beat);
        uint64_t luck = band_random_u64(c->chooser.seed, BAND_LUCK_MELODY,
                                        (uint64_t)c->letters_made * MOTIFS + i);
        ret[i] = (band_motif){.rhythm = band_kinds_pattern(K_RHYTHM, rhythm)->steps,
                              .contour = (uint8_t)contour,
                              .turn = (uint8_t)turn,
                              .start = 2 * (int)(luck % 3),
                              .mode = (band_mode)band_sound_main(c)->mode,
                              .scale = band_composer_scale(c)};
    }
}

void band_melody_write(band_composer *c, band_letter *letter, double beat)
{
    band_motif motifs[MOTIFS];
    int heard[MOTIFS] = {0};
    choose_motifs(c, beat, motifs);
    size_t plan = band_choice_pick(&c->chooser, K_PLAN, beat);
    size_t answer = band_choice_pick(&c->chooser, K_ANSWER, beat);
    for (size_t bar = 0; bar < BAND_PHRASE_BARS; bar++) {
        size_t which = PLANS[plan][bar];
        letter->lead[bar].n = 0;
        if (which < MOTIFS) {
            int turn = heard[which]++ % 2 == 1 ? motifs[which].turn : TURN_SAME;
            write_bar(letter, bar, &motifs[which], (band_turn)turn, &letter->lead[bar]);
        }
    }
    close_phrase(letter, &letter->lead[BAND_PHRASE_BARS - 1]);
    for (size_t bar = 0; bar < BAND_PHRASE_BARS; bar++) {
        write_answer(letter, bar, (band_answer)answer, &letter->counter[bar]);
    }
}

/* As it sounds under the chord; weak ones may be blue. */
static band_tone tone_of(const band_composer *c, const band_melody_note *note)
{
    const band_chord *chord = band_plan_chord(c, 2 * c->bar + (size_t)(note->step / 8));
    band_tone tone = band_theory_tone(chord, note->degree);
    if (!is_strong(note->step, note->length)) {
        band_mode mode = (band_mode)band_sound_main(c)->mode;
        int bend = band_tune_bend(mode, band_composer_scale(c), note->degree);
        tone.semis = (int8_t)(tone.semis + bend);
    }
    return tone;
}

static void play(band_composer *c, band_part part, const band_melody *melody, int step,
                 int velocity, double base)
{
    for (size_t i = 0; i < melody->n; i++) {
        const band_melody_note *note = &melody->notes[i];
        if (note->step == step) {
            double need = band_write_need(note->grace ? 'g' : 'x', step, base, 0.35);
            band_write_tone(c, part, step, band_write_length(c, step, step + note->length),
                            tone_of(c, note),
                            velocity - (note->grace ? 16 : 0) + (step % 8 == 0 ? 5 : 0), need);
        }
    }
}

void band_lead_step(band_composer *c, int step)
{
    if (c->scene.last) {
        if (step == 0 && c->scene.plays[BAND_LEAD]) {
            const band_chord *home = band_plan_chord(c, 2 * c->bar);
            band_write_tone(c, BAND_LEAD, step, 3.5,
                            band_theory_tone(home, home->degree + BAND_DEGREES), 90, 0.1);
        }
        return;
    }
    if (c->scene.plays[BAND_LEAD]) {
        play(c, BAND_LEAD, &c->letter->lead[c->bar], step, 92, 0.1);
    }
    if (c->scene.plays[BAND_COUNTER]) {
        play(c, BAND_COUNTER, &c->letter->counter[c->bar], step, 76, 0.2);
    }
}
