/* From the plan to notes: drums, bass, accompaniment, lead. */
#include "corpus_piece.h"

#include <math.h>
#include <string.h>

enum { DRUMS = 100, BASS = 300, COMP = 400, LEAD = 700, TIMING = 900, CAST = 901 };

#define MAX_STEPS 32

/* How one section letter is played; equal for each time it comes. */
typedef struct arrangement {
    bool drums, bass, lead;
    bool comps[CORPUS_N_COMPS];
    int groove;
    int hat_pitch;
    int lift; /* semitones that chords are voiced higher */
} arrangement;

typedef struct writer {
    corpus_piece *piece;
    corpus_rng timing;
    corpus_track *kick, *snare, *cymbals, *bass, *lead;
    corpus_track *comps[CORPUS_N_COMPS];
    arrangement by_letter[128];
    double lead_density;
    double p_push;   /* how often the accompaniment takes the next chord an eighth early */
    double p_colour; /* how often a voicing holds a tone that the chord's name leaves out */
} writer;

static int pick_number(const char *list, corpus_rng *rng)
{
    int numbers[16], n = 0;
    for (const char *c = list; n < 16; c++) {
        numbers[n++] = (int)strtol(c, NULL, 10);
        c = strchr(c, ',');
        if (c == NULL) {
            break;
        }
    }
    return numbers[corpus_int(rng, 0, n - 1)];
}

static corpus_track *add_track(corpus_piece *piece, corpus_stem stem, int program, double level_db)
{
    corpus_track *track = &piece->tracks[piece->n_tracks++];
    *track = (corpus_track){.stem = stem, .program = program, .level_db = level_db};
    return track;
}

/* Adds a note in beats; timing is swung and, for players, a little off. */
static void add_note(writer *w, corpus_track *track, double beat, double beats, int pitch,
                     double velocity)
{
    double jitter_s = w->piece->style->jitter_s * corpus_normal(&w->timing);
    double start_s = corpus_beat_time(w->piece, beat) + jitter_s;
    double end_s = corpus_beat_time(w->piece, beat + beats);
    track->notes =
        rf_make_room(track->notes, track->n_notes + 1, &track->cap_notes, sizeof(*track->notes));
    velocity += 6.0 * corpus_normal(&w->timing);
    track->notes[track->n_notes++] = (corpus_note){
        .start_s = fmax(0, start_s),
        .end_s = fmax(end_s, start_s + 0.04),
        .pitch = RF_MAX(20, RF_MIN(pitch, 108)),
        .velocity = RF_MAX(20, RF_MIN((int)velocity, 127)),
    };
}

/* Draws the bar that a pattern stands for. */
static int draw_bar(const char *pattern, const corpus_style *style, corpus_rng *rng, bool *steps)
{
    int n = RF_MIN(style->meter * style->steps_per_beat, MAX_STEPS);
    size_t len = strlen(pattern);
    for (int i = 0; i < n; i++) {
        char c = len > 0 ? pattern[(size_t)i % len] : '.';
        steps[i] = c == 'x' || (c >= '1' && c <= '9' && corpus_chance(rng, (c - '0') / 10.0));
    }
    return n;
}

static double step_beats(const corpus_style *style)
{
    return 1.0 / style->steps_per_beat;
}

/* ---- drums ---- */

static void drum_fill(writer *w, int bar, corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    double step = step_beats(style);
    for (int i = 0; i < style->steps_per_beat; i++) {
        double beat = (bar + 1) * style->meter - 1 + i * step;
        if (corpus_chance(rng, 0.75)) {
            add_note(w, w->snare, beat, step, style->snare_pitch, 90 + 6 * i);
        } else {
            add_note(w, w->cymbals, beat, step, 50 - 2 * i, 95);
        }
    }
}

static void drum_bar(writer *w, const arrangement *a, int bar, const bool *kick, const bool *snare,
                     const bool *hat, int n_steps)
{
    const corpus_style *style = w->piece->style;
    for (int i = 0; i < n_steps; i++) {
        double beat = bar * style->meter + i * step_beats(style);
        double accent = i % style->steps_per_beat == 0 ? 8 : 0;
        if (kick[i]) {
            add_note(w, w->kick, beat, 0.2, 36, 100 + accent);
        }
        if (snare[i]) {
            add_note(w, w->snare, beat, 0.2, style->snare_pitch, accent > 0 ? 106 : 70);
        }
        if (hat[i]) {
            add_note(w, w->cymbals, beat, 0.2, a->hat_pitch, 74 + 2 * accent);
        }
    }
}

static void write_drums(writer *w, const corpus_section *section)
{
    const arrangement *a = &w->by_letter[(int)section->letter];
    if (!a->drums || w->kick == NULL) {
        return;
    }
    const corpus_groove *groove = &w->piece->style->grooves[a->groove];
    corpus_rng rng = corpus_rng_of(w->piece->seed, DRUMS + (uint64_t)section->letter);
    bool kick[MAX_STEPS], snare[MAX_STEPS], hat[MAX_STEPS];
    (void)draw_bar(groove->kick, w->piece->style, &rng, kick);
    (void)draw_bar(groove->snare, w->piece->style, &rng, snare);
    int n_steps = draw_bar(groove->hat, w->piece->style, &rng, hat);
    for (int i = 0; i < section->n_bars; i++) {
        int bar = section->first_bar + i;
        drum_bar(w, a, bar, kick, snare, hat, n_steps);
        if (i == 0 && corpus_chance(&rng, 0.6)) {
            add_note(w, w->cymbals, bar * w->piece->style->meter, 1, 49, 105);
        }
        if (i == section->n_bars - 1 && corpus_chance(&rng, 0.6)) {
            drum_fill(w, bar, &rng);
        }
    }
}

/* ---- bass ---- */

static int bass_pitch(int pitch_class)
{
    int pitch = 36 + pitch_class;
    return pitch > 43 ? pitch - 12 : pitch; /* E1 is 28 */
}

/* A walking bass: root on the change, then chord tones and steps towards the next root. */
static int walk_pitch(const writer *w, const corpus_chord *chord, double beat, int previous,
                      corpus_rng *rng)
{
    if (beat - chord->start_beat < 0.01) {
        return bass_pitch(chord->harmony.bass);
    }
    if (chord->end_beat - beat < 1.01 && beat + 1 < w->piece->n_beats) {
        int next = bass_pitch(corpus_chord_at(w->piece, beat + 1)->harmony.bass);
        return next + (corpus_chance(rng, 0.5) ? 1 : -1);
    }
    for (int step = corpus_chance(rng, 0.6) ? 3 : -5, i = 0; i < 5; i++, step++) {
        if (step != 0 && corpus_harmony_has(&chord->harmony, previous + step)) {
            return RF_MAX(28, RF_MIN(previous + step, 55));
        }
    }
    return bass_pitch(chord->harmony.root) + 12;
}

static int next_bass_pitch(const writer *w, const corpus_chord *chord, double beat, int count,
                           int previous, corpus_rng *rng)
{
    int low = bass_pitch(chord->harmony.bass);
    switch (w->piece->style->bass) {
    case CORPUS_BASS_WALK:
        return walk_pitch(w, chord, beat, previous, rng);
    case CORPUS_BASS_OCTAVES:
        return low + (count % 2 == 1 && corpus_chance(rng, 0.7) ? 12 : 0);
    case CORPUS_BASS_FIFTHS:
        if (count % 2 == 1 && chord->harmony.bass == chord->harmony.root &&
            corpus_harmony_has(&chord->harmony, low + 7)) {
            return low + 7 > 43 ? low - 5 : low + 7;
        }
        return low;
    case CORPUS_BASS_ROOTS:
        if (chord->end_beat - beat < 0.6 && count > 0 && corpus_chance(rng, 0.3)) {
            return low + (corpus_chance(rng, 0.5) ? 2 : -1); /* leads on to the next chord */
        }
        break;
    }
    return corpus_chance(rng, 0.05) ? low + 12 : low;
}

static void write_bass(writer *w, const corpus_section *section)
{
    if (!w->by_letter[(int)section->letter].bass) {
        return;
    }
    const corpus_style *style = w->piece->style;
    corpus_rng rng = corpus_rng_of(w->piece->seed, BASS + (uint64_t)section->letter);
    bool steps[MAX_STEPS];
    int n_steps = draw_bar(style->bass_pattern, style, &rng, steps);
    const corpus_chord *last = NULL;
    int count = 0, pitch = 36;
    for (int bar = section->first_bar; bar < section->first_bar + section->n_bars; bar++) {
        for (int i = 0; i < n_steps; i++) {
            double beat = bar * style->meter + i * step_beats(style);
            const corpus_chord *chord = corpus_chord_at(w->piece, beat);
            if (!steps[i] && chord == last) {
                continue;
            }
            count = chord == last ? count + 1 : 0;
            last = chord;
            pitch = next_bass_pitch(w, chord, beat, count, pitch, &rng);
            int hold = 1;
            while (i + hold < n_steps && !steps[i + hold]) {
                hold++;
            }
            double until = fmin(beat + hold * step_beats(style), chord->end_beat);
            add_note(w, w->bass, beat, (until - beat) * 0.95, pitch, 96);
        }
    }
}

/* ---- accompaniment ---- */

/* Voices a chord near the centre: each chord tone once, the root sometimes doubled. */
static int voice_chord(const corpus_harmony *harmony, int centre, corpus_rng *rng, int *pitches)
{
    int n = 0;
    int low = centre - 6 + corpus_int(rng, -2, 2);
    for (const char *i = corpus_quality_at(harmony->quality)->intervals; *i != 0x7f; i++) {
        int above = ((harmony->root + *i - low) % 12 + 12) % 12;
        pitches[n++] = low + above;
    }
    if (corpus_chance(rng, 0.4)) {
        pitches[n++] = low + 12 + ((harmony->root - low) % 12 + 12) % 12;
    }
    for (int i = 1; i < n; i++) {
        for (int j = i; j > 0 && pitches[j] < pitches[j - 1]; j--) {
            int swap = pitches[j];
            pitches[j] = pitches[j - 1];
            pitches[j - 1] = swap;
        }
    }
    return n;
}

static int voice_power(const corpus_harmony *harmony, int centre, int *pitches)
{
    int root = centre - 5 + ((harmony->root - centre + 5) % 12 + 12) % 12;
    pitches[0] = root;
    pitches[1] = root + (corpus_harmony_has(harmony, harmony->root + 7) ? 7 : 6);
    pitches[2] = root + 12;
    return 3;
}

typedef struct comp_state {
    const corpus_comp *comp;
    corpus_track *track;
    int pitches[8];
    int n_pitches;
    int count;
} comp_state;

static void comp_hit(writer *w, comp_state *s, double beat, double beats)
{
    double velocity = beat - floor(beat) < 0.01 ? 84 : 74;
    if (s->comp->kind == CORPUS_COMP_ARP) {
        static const int order[8] = {0, 1, 2, 3, 2, 1, 2, 1};
        int pitch = s->pitches[order[s->count % 8] % s->n_pitches];
        add_note(w, s->track, beat, beats * 1.6, pitch, velocity);
        return;
    }
    double spread = s->comp->kind == CORPUS_COMP_STRUM ? 0.012 * w->piece->bpm / 60.0 : 0;
    bool is_up = s->count % 2 == 1;
    for (int i = 0; i < s->n_pitches; i++) {
        int string = is_up ? s->n_pitches - 1 - i : i;
        add_note(w, s->track, beat + i * spread, beats * 0.92 - i * spread, s->pitches[string],
                 is_up ? velocity - 10 : velocity);
    }
}

/* The chord that is played at a beat: its own, or the next one, pushed ahead of its bar. */
static const corpus_chord *played_chord(const writer *w, double beat, corpus_rng *rng)
{
    const corpus_chord *chord = corpus_chord_at(w->piece, beat);
    const double eighth = 0.5;
    if (chord->end_beat - beat <= eighth + 0.01 && w->piece->style->steps_per_beat == 4 &&
        corpus_chance(rng, w->p_push)) {
        return corpus_chord_at(w->piece, beat + eighth);
    }
    return chord;
}

/* A ninth or a sixth on top. */
static void add_colour(comp_state *s, const corpus_harmony *harmony, corpus_rng *rng)
{
    int colour = harmony->root + (corpus_chance(rng, 0.7) ? 2 : 9);
    int top = s->pitches[s->n_pitches - 1];
    s->pitches[s->n_pitches++] = top + 1 + ((colour - top - 1) % 12 + 12) % 12;
}

static void voice(const writer *w, comp_state *s, const corpus_harmony *harmony, int lift,
                  corpus_rng *rng)
{
    if (s->comp->kind == CORPUS_COMP_POWER) {
        s->n_pitches = voice_power(harmony, s->comp->centre, s->pitches);
        return;
    }
    s->n_pitches = voice_chord(harmony, s->comp->centre + lift, rng, s->pitches);
    if (corpus_chance(rng, w->p_colour)) {
        add_colour(s, harmony, rng);
    }
}

/* How long the hit at a step lasts: to the next hit, the chord's end or the bar's end. */
static double hit_beats(const writer *w, const bool *steps, int i, int n_steps, double beat,
                        double end_beat)
{
    int hold = 1;
    while (i + hold < n_steps && !steps[i + hold]) {
        hold++;
    }
    return fmin(hold * step_beats(w->piece->style), fmax(end_beat - beat, 0.5));
}

/* A pad holds each chord from its change on. */
static void write_pad(writer *w, comp_state *s, const corpus_section *section, int lift,
                      corpus_rng *rng)
{
    int meter = w->piece->style->meter;
    double end = (section->first_bar + section->n_bars) * meter;
    for (double beat = section->first_bar * meter; beat < end - 0.01;) {
        const corpus_chord *chord = corpus_chord_at(w->piece, beat);
        double until = fmin(chord->end_beat, end);
        voice(w, s, &chord->harmony, lift, rng);
        comp_hit(w, s, beat, until - beat);
        beat = until;
    }
}

static void write_hits(writer *w, comp_state *s, const corpus_section *section, int lift,
                       corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    bool steps[MAX_STEPS];
    int n_steps = draw_bar(s->comp->pattern, style, rng, steps);
    const corpus_chord *last = NULL;
    for (int bar = section->first_bar; bar < section->first_bar + section->n_bars; bar++) {
        for (int i = 0; i < n_steps; i++) {
            if (!steps[i]) {
                continue;
            }
            double beat = bar * style->meter + i * step_beats(style);
            const corpus_chord *chord = played_chord(w, beat, rng);
            if (chord != last) {
                voice(w, s, &chord->harmony, lift, rng);
                last = chord;
            }
            comp_hit(w, s, beat, hit_beats(w, steps, i, n_steps, beat, chord->end_beat));
            s->count++;
        }
    }
}

static void write_comp(writer *w, int slot, const corpus_section *section)
{
    const arrangement *a = &w->by_letter[(int)section->letter];
    comp_state s = {.comp = &w->piece->style->comps[slot], .track = w->comps[slot]};
    if (s.track == NULL || !a->comps[slot]) {
        return;
    }
    corpus_rng rng = corpus_rng_of(w->piece->seed, (uint64_t)(COMP + slot * 80 + section->letter));
    if (s.comp->kind == CORPUS_COMP_PAD) {
        write_pad(w, &s, section, a->lift, &rng);
    } else {
        write_hits(w, &s, section, a->lift, &rng);
    }
}

/* ---- lead ---- */

static bool in_scale(const corpus_piece *piece, int pitch)
{
    static const int major = 0xAB5, minor = 0x5AD; /* bit i: i semitones above the tonic */
    int above = ((pitch - piece->tonic) % 12 + 12) % 12;
    return (((piece->is_minor ? minor : major) >> above) & 1) != 0;
}

/* The next tone: a chord tone where the beat is strong, a neighbour in the scale where not. */
static int next_lead_pitch(const corpus_piece *piece, double beat, int previous, int centre,
                           corpus_rng *rng)
{
    const corpus_chord *chord = corpus_chord_at(piece, beat);
    bool strong = beat - floor(beat) < 0.01 && corpus_chance(rng, 0.8);
    int wish = previous + (int)lround(2.6 * corpus_normal(rng) - 0.12 * (previous - centre));
    for (int away = 0; away < 7; away++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            int pitch = wish + sign * away;
            bool chordal = corpus_harmony_has(&chord->harmony, pitch);
            if (strong ? chordal : (chordal || in_scale(piece, pitch))) {
                return RF_MAX(centre - 10, RF_MIN(pitch, centre + 12));
            }
        }
    }
    return wish;
}

static void write_lead(writer *w, const corpus_section *section)
{
    const corpus_style *style = w->piece->style;
    if (w->lead == NULL || !w->by_letter[(int)section->letter].lead) {
        return;
    }
    corpus_rng rng = corpus_rng_of(w->piece->seed, LEAD + (uint64_t)section->letter);
    int centre = w->lead->voice == CORPUS_VOICE_GM ? 71 : 62 + (w->lead->program % 2) * 8;
    int pitch = centre;
    bool rhythm[2][MAX_STEPS];
    int n_steps = 0;
    char pattern[MAX_STEPS + 1] = {0};
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < style->meter * style->steps_per_beat && i < MAX_STEPS; i++) {
            double p = w->lead_density * (i % style->steps_per_beat == 0 ? 1.9 : 0.8);
            pattern[i] = corpus_chance(&rng, p) ? 'x' : '.';
        }
        n_steps = draw_bar(pattern, style, &rng, rhythm[half]);
    }
    for (int i = 0; i < section->n_bars; i++) {
        if (i % 4 == 3 && corpus_chance(&rng, 0.5)) {
            continue; /* a breath */
        }
        const bool *steps = rhythm[i % 2];
        for (int step = 0; step < n_steps; step++) {
            double beat = (section->first_bar + i) * style->meter + step * step_beats(style);
            if (!steps[step]) {
                continue;
            }
            pitch = next_lead_pitch(w->piece, beat, pitch, centre, &rng);
            double bar_end = (section->first_bar + i + 1) * style->meter;
            double beats = hit_beats(w, steps, step, n_steps, beat, bar_end);
            add_note(w, w->lead, beat, fmin(beats, 3.0) * 0.94, pitch, 92);
        }
    }
}

/* ---- who plays ---- */

static void cast_drums(writer *w, corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    if (!corpus_chance(rng, style->p_drums)) {
        return;
    }
    int kit = pick_number(style->drum_kits, rng);
    double level_db = corpus_range(rng, -3, 6);
    corpus_track **slots[] = {&w->kick, &w->snare, &w->cymbals};
    for (int i = 0; i < 3; i++) {
        *slots[i] = add_track(w->piece, (corpus_stem)(CORPUS_KICK + i), kit, level_db);
        (*slots[i])->is_drums = true;
    }
    w->cymbals->pan = corpus_range(rng, -0.4, 0.4);
}

/* Singers are drawn by p_vocal: mostly the own singer, else a General MIDI choir voice. */
static void cast_lead(writer *w, corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    double level_db = corpus_range(rng, -2, 6);
    w->lead_density = style->lead_density * corpus_range(rng, 0.8, 1.2);
    if (corpus_chance(rng, style->p_vocal)) {
        w->lead = add_track(w->piece, CORPUS_VOCALS, corpus_int(rng, 0, 3), level_db);
        double kind = corpus_unit(rng);
        bool raps = strcmp(style->name, "hip hop") == 0;
        w->lead->voice = raps ? CORPUS_VOICE_SPOKEN : CORPUS_VOICE_SUNG;
        if (raps) {
            w->lead_density = 0.62;
        } else if (kind < 0.2) {
            w->lead->voice = CORPUS_VOICE_GM;
            w->lead->program = corpus_int(rng, 52, 54);
        }
    } else if (corpus_chance(rng, 0.8)) {
        w->lead =
            add_track(w->piece, CORPUS_OTHER, pick_number(style->lead_programs, rng), level_db);
        w->lead->pan = corpus_range(rng, -0.3, 0.3);
        w->lead->is_distorted = style->is_distorted && w->lead->program < 32;
    }
}

static void cast_comps(writer *w, corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    for (int i = 0; i < CORPUS_N_COMPS; i++) {
        const corpus_comp *comp = &style->comps[i];
        if (comp->kind == CORPUS_COMP_NONE || (i > 0 && corpus_chance(rng, 0.3))) {
            continue;
        }
        corpus_track *track = add_track(w->piece, CORPUS_OTHER, pick_number(comp->programs, rng),
                                        comp->level_db + corpus_range(rng, -2.5, 2.5));
        track->is_distorted = track->program == 29 || track->program == 30;
        track->pan = (i % 2 == 0 ? 1 : -1) * corpus_range(rng, 0.1, 0.8);
        w->comps[i] = track;
    }
}

/* Letters differ in who plays: intros are thin, B is fuller than A. */
static void arrange(writer *w, corpus_rng *rng)
{
    const corpus_style *style = w->piece->style;
    static const char letters[] = "iABCo";
    for (const char *c = letters; *c != '\0'; c++) {
        arrangement *a = &w->by_letter[(int)*c];
        bool is_edge = *c == 'i' || *c == 'o';
        a->drums = corpus_chance(rng, is_edge || *c == 'C' ? 0.5 : 0.93);
        a->bass = !is_edge || corpus_chance(rng, 0.6);
        a->lead = !is_edge && (*c != 'C' || corpus_chance(rng, 0.6));
        a->groove = *c == 'A' || is_edge ? 0 : *c == 'B' ? 1 : 2;
        a->hat_pitch = style->hat_pitch != NULL ? pick_number(style->hat_pitch, rng) : 42;
        a->lift = *c == 'B' ? corpus_int(rng, 0, 5) : *c == 'C' ? corpus_int(rng, -4, 2) : 0;
        bool any = false;
        for (int i = 0; i < CORPUS_N_COMPS; i++) {
            double p = *c == 'B' ? 0.9 : is_edge ? 0.5 : 0.6;
            a->comps[i] = w->comps[i] != NULL && corpus_chance(rng, p);
            any = any || a->comps[i];
        }
        a->comps[0] = a->comps[0] || !any; /* someone states the harmony */
    }
}

/* All end together on a held last chord. */
static void write_ending(writer *w)
{
    double beat = w->piece->n_beats;
    const corpus_chord *chord = corpus_chord_at(w->piece, beat);
    corpus_rng rng = corpus_rng_of(w->piece->seed, CAST + 1);
    int pitches[8];
    int n = voice_chord(&chord->harmony, 60, &rng, pitches);
    for (int i = 0; i < n && w->comps[0] != NULL; i++) {
        add_note(w, w->comps[0], beat, 1.0, pitches[i], 84);
    }
    add_note(w, w->bass, beat, 1.0, bass_pitch(chord->harmony.root), 96);
    if (w->kick != NULL) {
        add_note(w, w->kick, beat, 0.5, 36, 108);
        add_note(w, w->cymbals, beat, 1.0, 49, 104);
    }
}

void corpus_parts_write(corpus_piece *piece)
{
    writer w = {.piece = piece, .timing = corpus_rng_of(piece->seed, TIMING)};
    corpus_rng cast = corpus_rng_of(piece->seed, CAST);
    w.p_push = corpus_chance(&cast, 0.4) ? corpus_range(&cast, 0.2, 0.8) : 0;
    w.p_colour = corpus_chance(&cast, 0.4) ? corpus_range(&cast, 0.1, 0.5) : 0;
    cast_lead(&w, &cast);
    cast_drums(&w, &cast);
    w.bass = add_track(piece, CORPUS_BASS, pick_number(piece->style->bass_programs, &cast),
                       corpus_range(&cast, -4, 1));
    cast_comps(&w, &cast);
    arrange(&w, &cast);
    for (int i = 0; i < piece->n_sections; i++) {
        write_drums(&w, &piece->sections[i]);
        write_bass(&w, &piece->sections[i]);
        for (int slot = 0; slot < CORPUS_N_COMPS; slot++) {
            write_comp(&w, slot, &piece->sections[i]);
        }
        write_lead(&w, &piece->sections[i]);
    }
    write_ending(&w);
}
