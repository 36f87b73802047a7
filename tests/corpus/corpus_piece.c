#include "corpus_piece.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PLAN, GRID, HARMONY, SOUND }; /* purposes of random streams; the parts use 100 and above */

#define TARGET_LOW_S 40.0
#define TARGET_HIGH_S 68.0

/* Picks one of the fields of a list by chance and returns it with its length. */
static const char *pick_field(const char *list, char separator, corpus_rng *rng, size_t *ret_len)
{
    int n_fields = 1;
    for (const char *c = list; *c != '\0'; c++) {
        n_fields += *c == separator;
    }
    for (int skip = corpus_int(rng, 0, n_fields - 1); skip > 0; skip--) {
        list = strchr(list, separator) + 1;
    }
    const char *end = strchr(list, separator);
    *ret_len = end != NULL ? (size_t)(end - list) : strlen(list);
    return list;
}

static void plan_basics(corpus_piece *piece, int index, corpus_rng *rng)
{
    piece->style = corpus_style_at((size_t)index);
    const corpus_style *style = piece->style;
    piece->is_minor = corpus_chance(rng, style->p_minor);
    piece->tonic = (index * 7 + corpus_int(rng, 0, 11)) % 12;
    piece->bpm = corpus_range(rng, style->bpm_low, style->bpm_high);
    if (style->p_drift == 0) {
        piece->bpm = round(piece->bpm); /* machines like round numbers */
    }
    piece->swing = corpus_range(rng, style->swing_low, style->swing_high);
}

/* Lays out sections so that the piece lasts about as long as wanted. */
static void plan_form(corpus_piece *piece, corpus_rng *rng)
{
    static const char *const forms[] = {"iABABo", "ABAB", "AABA",   "iABACABo", "iAABBo", "ABACA",
                                        "iABCBo", "AABB", "iAABAo", "ABABCB",   "iABo",   "ABA"};
    double bar_s = 60.0 / piece->bpm * piece->style->meter;
    double target_s = corpus_range(rng, TARGET_LOW_S, TARGET_HIGH_S);
    int phrase = piece->style->phrase_bars;
    while (phrase * bar_s < 6.5) {
        phrase *= 2; /* shorter sections are not heard as such */
    }
    const char *best = forms[0];
    double best_miss = 1e9;
    for (int tries = 0; tries < 6; tries++) {
        const char *form = forms[corpus_int(rng, 0, (int)RF_ARRAY_LEN(forms) - 1)];
        double bars = 0;
        for (const char *c = form; *c != '\0'; c++) {
            bars += *c == 'i' || *c == 'o' ? phrase / 2 : phrase;
        }
        double miss = fabs(bars * bar_s - target_s);
        if (miss < best_miss) {
            best_miss = miss;
            best = form;
        }
    }
    for (const char *c = best; *c != '\0' && piece->n_bars * bar_s < TARGET_HIGH_S; c++) {
        bool is_edge = *c == 'i' || *c == 'o';
        corpus_section *section = &piece->sections[piece->n_sections++];
        *section = (corpus_section){*c, piece->n_bars, is_edge ? phrase / 2 : phrase};
        piece->n_bars += section->n_bars;
    }
    piece->n_beats = piece->n_bars * piece->style->meter;
}

/* Beat times: a tempo that wanders, slows down at the end, or stays. */
static void plan_grid(corpus_piece *piece, corpus_rng *rng)
{
    const corpus_style *style = piece->style;
    bool drifts = corpus_chance(rng, style->p_drift);
    double trend = drifts && corpus_chance(rng, 0.25) ? corpus_range(rng, -0.1, 0.1) : 0;
    double depth = drifts ? corpus_range(rng, 0.003, 0.013) : 0;
    bool slows = drifts && corpus_chance(rng, 0.4);
    double at = piece->head_s;
    double deviation = 0;
    piece->beats_s = RF_NEW_ARRAY(double, (size_t)piece->n_beats + 1);
    for (int i = 0; i <= piece->n_beats; i++) {
        piece->beats_s[i] = at;
        deviation = 0.9 * deviation + depth * corpus_normal(rng);
        int left = piece->n_beats - i;
        double ending = slows && left < 5 ? 1.0 + 0.05 * (5 - left) : 1.0;
        double position = (double)i / piece->n_beats - 0.5;
        at += 60.0 / piece->bpm * ending * exp(deviation + trend * position);
    }
    piece->duration_s = at + piece->tail_s;
}

/* The annotated tempo is that of the median beat. */
static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_tempo(corpus_piece *piece)
{
    size_t n = (size_t)piece->n_beats;
    double *lengths = RF_NEW_ARRAY(double, n);
    for (size_t i = 0; i < n; i++) {
        lengths[i] = piece->beats_s[i + 1] - piece->beats_s[i];
    }
    qsort(lengths, n, sizeof(*lengths), compare_doubles);
    piece->bpm = 60.0 / lengths[n / 2];
    free(lengths);
}

static void plan_sound(corpus_piece *piece, corpus_half half, int index, corpus_rng *rng)
{
    corpus_sound *sound = &piece->sound;
    sound->detune_cents = corpus_range(rng, -40, 40) * (corpus_chance(rng, 0.5) ? 1 : 0.1);
    double width = corpus_unit(rng);
    sound->width = width < 0.08 ? 0 : width < 0.18 ? 0.08 : corpus_range(rng, 0.6, 1.0);
    sound->reverb_s = corpus_range(rng, 0.7, 2.6);
    sound->reverb_wet = corpus_range(rng, 0.12, 0.45);
    sound->overdrive_db = corpus_chance(rng, 0.2) ? corpus_range(rng, 2, 8) : 0;
    sound->is_lofi = corpus_chance(rng, 0.06);
    double rate = corpus_unit(rng);
    sound->mp3_kbps = rate < 0.7 ? 128 : rate < 0.85 ? 96 : 64;
    double head = corpus_unit(rng), tail = corpus_unit(rng);
    sound->head = head < 0.08 ? CORPUS_APPLAUSE : head < 0.13 ? CORPUS_SPEECH : CORPUS_SILENCE;
    sound->tail = tail < 0.14 ? CORPUS_APPLAUSE : CORPUS_SILENCE;
    piece->head_s =
        sound->head == CORPUS_SILENCE ? corpus_range(rng, 0, 1.2) : corpus_range(rng, 2.0, 4.0);
    piece->tail_s =
        sound->tail == CORPUS_SILENCE ? corpus_range(rng, 1.5, 3.5) : corpus_range(rng, 4.0, 6.0);
    /* The halves weight the soundfonts differently, and two are heard in the gate half only. */
    static const int fonts[2][8] = {{0, 0, 0, 0, 0, 1, 1, 1}, {2, 2, 2, 2, 1, 1, 0, 3}};
    sound->font = fonts[half][(index + corpus_int(rng, 0, 7)) % 8];
}

typedef struct progression {
    const char *text;
    size_t len;
} progression;

static void add_chord(corpus_piece *piece, const corpus_chord *chord)
{
    piece->chords = rf_grow(piece->chords, piece->n_chords + 1, sizeof(*piece->chords));
    piece->chords[piece->n_chords++] = *chord;
}

/* One bar of chords from text; returns where the next bar starts. Changes share the bar's beats. */
static const char *write_bar(corpus_piece *piece, const char *text, int bar,
                             const corpus_colour *colour, corpus_rng *rng)
{
    int meter = piece->style->meter, n = 1, i = 0;
    for (const char *c = text; *c != '\0' && *c != '|' && *c != ';'; c++) {
        n += *c == ',';
    }
    for (;; text++, i++) {
        corpus_chord chord = {.start_beat = bar * meter + (meter * i + n - 1) / n,
                              .end_beat = bar * meter + (meter * (i + 1) + n - 1) / n};
        chord.harmony = corpus_harmony_parse(&text, colour, rng);
        add_chord(piece, &chord);
        if (*text != ',') {
            return text;
        }
    }
}

/* A section repeats its progression, with the same colours each time the letter comes. */
static void write_section(corpus_piece *piece, const corpus_section *section,
                          const progression *chords)
{
    const corpus_style *style = piece->style;
    corpus_colour colour = {piece->tonic, style->p_seventh, style->p_inversion, style->p_suspended};
    corpus_rng rng = corpus_rng_of(piece->seed, 1000 + (uint64_t)section->letter);
    const char *text = chords->text;
    for (int bar = 0; bar < section->n_bars; bar++) {
        text = write_bar(piece, text, section->first_bar + bar, &colour, &rng);
        bool ended = text >= chords->text + chords->len;
        text = ended ? chords->text : text + 1;
    }
}

/* Equal neighbours become one chord, as an annotator writes them. */
static void merge_chords(corpus_piece *piece)
{
    size_t n = 0;
    for (size_t i = 0; i < piece->n_chords; i++) {
        corpus_chord *last = n > 0 ? &piece->chords[n - 1] : NULL;
        const corpus_chord *chord = &piece->chords[i];
        if (last != NULL && last->harmony.root == chord->harmony.root &&
            last->harmony.bass == chord->harmony.bass &&
            last->harmony.quality == chord->harmony.quality) {
            last->end_beat = chord->end_beat;
        } else {
            piece->chords[n++] = *chord;
        }
    }
    piece->n_chords = n;
}

static void write_harmony(corpus_piece *piece, corpus_rng *rng)
{
    const char *bank = piece->is_minor ? piece->style->minor : piece->style->major;
    progression by_letter[128] = {{0}};
    for (int i = 0; i < piece->n_sections; i++) {
        const corpus_section *section = &piece->sections[i];
        /* Intro and outro borrow the first section's chords. */
        int letter = section->letter == 'i' || section->letter == 'o' ? 'A' : section->letter;
        progression *chords = &by_letter[letter];
        if (chords->text == NULL) {
            chords->text = pick_field(bank, ';', rng, &chords->len);
        }
        write_section(piece, section, chords);
    }
    /* The piece ends on its tonic. */
    corpus_chord *last = &piece->chords[piece->n_chords - 1];
    if (last->end_beat - last->start_beat <= piece->style->meter && corpus_chance(rng, 0.7)) {
        corpus_colour plain = {.tonic = piece->tonic};
        const char *tonic = piece->is_minor ? "i" : "I";
        last->harmony = corpus_harmony_parse(&tonic, &plain, rng);
    }
    merge_chords(piece);
}

corpus_piece *corpus_piece_new(corpus_half half, int index)
{
    corpus_piece *piece = RF_NEW(corpus_piece);
    piece->seed =
        UINT64_C(0x5265666C65637421) + (uint64_t)half * 1000003u + (uint64_t)index * 7919u;
    corpus_rng plan = corpus_rng_of(piece->seed, PLAN);
    corpus_rng grid = corpus_rng_of(piece->seed, GRID);
    corpus_rng harmony = corpus_rng_of(piece->seed, HARMONY);
    corpus_rng sound = corpus_rng_of(piece->seed, SOUND);
    plan_basics(piece, index, &plan);
    (void)snprintf(piece->name, sizeof(piece->name), "%s-%03d",
                   half == CORPUS_TUNE ? "tune" : "gate", index);
    plan_form(piece, &plan);
    plan_sound(piece, half, index, &sound);
    plan_grid(piece, &grid);
    measure_tempo(piece);
    write_harmony(piece, &harmony);
    corpus_parts_write(piece);
    return piece;
}

corpus_piece *corpus_piece_free(corpus_piece *piece)
{
    if (piece == NULL) {
        return NULL;
    }
    for (int i = 0; i < piece->n_tracks; i++) {
        free(piece->tracks[i].notes);
    }
    free(piece->chords);
    free(piece->beats_s);
    free(piece);
    return NULL;
}

double corpus_beat_time(const corpus_piece *piece, double beat)
{
    double whole = floor(beat);
    double part = beat - whole;
    double swung = part < 0.5 ? part * 2.0 * piece->swing
                              : piece->swing + (part - 0.5) * 2.0 * (1.0 - piece->swing);
    if (piece->style->steps_per_beat == 3) {
        swung = part;
    }
    int i = (int)fmax(0, fmin(whole, piece->n_beats - 1));
    double length = piece->beats_s[i + 1] - piece->beats_s[i];
    return piece->beats_s[i] + (whole - i + swung) * length;
}

const corpus_chord *corpus_chord_at(const corpus_piece *piece, double beat)
{
    size_t low = 0, high = piece->n_chords - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (piece->chords[middle].start_beat <= beat + 1e-9) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &piece->chords[low];
}
