#include "corpus_harmony.h"

#include <stdio.h>
#include <string.h>

enum { MAJ, MIN, DOM7, MAJ7, MIN7, DIM, HDIM7, DIM7, AUG, SUS4, SUS2, MAJ6, N_QUALITIES };

static const corpus_quality qualities[N_QUALITIES] = {
    [MAJ] = {"maj", "\x00\x04\x07\x7f"},         [MIN] = {"min", "\x00\x03\x07\x7f"},
    [DOM7] = {"7", "\x00\x04\x07\x0a\x7f"},      [MAJ7] = {"maj7", "\x00\x04\x07\x0b\x7f"},
    [MIN7] = {"min7", "\x00\x03\x07\x0a\x7f"},   [DIM] = {"dim", "\x00\x03\x06\x7f"},
    [HDIM7] = {"hdim7", "\x00\x03\x06\x0a\x7f"}, [DIM7] = {"dim7", "\x00\x03\x06\x09\x7f"},
    [AUG] = {"aug", "\x00\x04\x08\x7f"},         [SUS4] = {"sus4", "\x00\x05\x07\x7f"},
    [SUS2] = {"sus2", "\x00\x02\x07\x7f"},       [MAJ6] = {"maj6", "\x00\x04\x07\x09\x7f"},
};

static const char *const names[12] = {"C",  "C#", "D",  "D#", "E",  "F",
                                      "F#", "G",  "G#", "A",  "A#", "B"};

const char *corpus_pitch_name(int pitch_class)
{
    return names[((pitch_class % 12) + 12) % 12];
}

const corpus_quality *corpus_quality_at(int quality)
{
    return &qualities[quality];
}

static bool eat(const char **text, const char *token)
{
    size_t len = strlen(token);
    if (strncmp(*text, token, len) != 0) {
        return false;
    }
    *text += len;
    return true;
}

/* The degree: semitones above the tonic; *minor when written in lower case. */
static int parse_degree(const char **text, bool *minor)
{
    static const struct {
        const char *name;
        int semitones;
        bool minor;
    } degrees[] = {
        {"VII", 11, false}, {"vii", 11, true}, {"VI", 9, false}, {"vi", 9, true},
        {"IV", 5, false},   {"iv", 5, true},   {"V", 7, false},  {"v", 7, true},
        {"III", 4, false},  {"iii", 4, true},  {"II", 2, false}, {"ii", 2, true},
        {"I", 0, false},    {"i", 0, true},
    };
    int accidental = eat(text, "b") ? -1 : eat(text, "#") ? 1 : 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(degrees); i++) {
        if (eat(text, degrees[i].name)) {
            *minor = degrees[i].minor;
            return degrees[i].semitones + accidental;
        }
    }
    *text += strlen(*text);
    return 0;
}

/* The quality as written, or -1 for a plain triad. */
static int parse_quality(const char **text, bool minor)
{
    static const struct {
        const char *suffix;
        int quality;
    } suffixes[] = {{"M7", MAJ7}, {"o7", DIM7}, {"o", DIM},   {"h", HDIM7},
                    {"+", AUG},   {"s4", SUS4}, {"s2", SUS2}, {"6", MAJ6}};
    for (size_t i = 0; i < RF_ARRAY_LEN(suffixes); i++) {
        if (eat(text, suffixes[i].suffix)) {
            return suffixes[i].quality;
        }
    }
    return eat(text, "7") ? (minor ? MIN7 : DOM7) : -1;
}

/* The diatonic colouring of a plain triad. */
static int colour_triad(int degree, bool minor, const corpus_colour *colour, corpus_rng *rng)
{
    if (corpus_chance(rng, colour->p_seventh)) {
        bool is_tonic_like = degree == 0 || degree == 5 || degree == 3 || degree == 8;
        return minor ? MIN7 : is_tonic_like ? MAJ7 : DOM7;
    }
    if (!minor && corpus_chance(rng, colour->p_suspended)) {
        return corpus_chance(rng, 0.6) ? SUS4 : SUS2;
    }
    return minor ? MIN : MAJ;
}

static int bass_of(const char **text, int quality, const corpus_colour *colour, corpus_rng *rng)
{
    const char *intervals = qualities[quality].intervals;
    if (eat(text, "/3")) {
        return intervals[1];
    }
    if (eat(text, "/5")) {
        return intervals[2];
    }
    if (corpus_chance(rng, colour->p_inversion)) {
        return intervals[corpus_chance(rng, 0.65) ? 1 : 2];
    }
    return 0;
}

corpus_harmony corpus_harmony_parse(const char **text, const corpus_colour *colour, corpus_rng *rng)
{
    bool minor = false;
    int degree = parse_degree(text, &minor);
    int quality = parse_quality(text, minor);
    if (quality < 0) {
        quality = colour_triad(degree, minor, colour, rng);
    }
    corpus_harmony harmony = {.root = (colour->tonic + degree + 12) % 12, .quality = quality};
    harmony.bass = (harmony.root + bass_of(text, quality, colour, rng)) % 12;
    return harmony;
}

void corpus_harmony_label(const corpus_harmony *harmony, char *ret)
{
    static const char *const degrees[12] = {"1",  "b2", "2",  "b3", "3",  "4",
                                            "b5", "5",  "#5", "6",  "b7", "7"};
    int above = (harmony->bass - harmony->root + 12) % 12;
    (void)snprintf(ret, CORPUS_LABEL_SIZE, "%s:%s%s%s", corpus_pitch_name(harmony->root),
                   qualities[harmony->quality].harte, above != 0 ? "/" : "",
                   above != 0 ? degrees[above] : "");
}

bool corpus_harmony_has(const corpus_harmony *harmony, int pitch)
{
    int above = ((pitch - harmony->root) % 12 + 12) % 12;
    for (const char *i = qualities[harmony->quality].intervals; *i != 0x7f; i++) {
        if (*i == above) {
            return true;
        }
    }
    return false;
}
