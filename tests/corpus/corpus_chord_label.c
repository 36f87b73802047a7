#include "corpus_chord_label.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    uint16_t tones;
} shorthands[] = {
    {"maj", 0x091},   {"min", 0x089},  {"aug", 0x111},   {"dim", 0x049},   {"sus4", 0x0A1},
    {"sus2", 0x085},  {"7", 0x491},    {"maj7", 0x891},  {"min7", 0x489},  {"minmaj7", 0x889},
    {"maj6", 0x291},  {"min6", 0x289}, {"dim7", 0x249},  {"hdim7", 0x449}, {"maj9", 0x891},
    {"min9", 0x489},  {"9", 0x491},    {"min11", 0x489}, {"11", 0x491},    {"maj13", 0x891},
    {"min13", 0x489}, {"13", 0x491},   {"1", 0x001},     {"5", 0x081},
};

static int parse_root(const char **text)
{
    static const int semitones[7] = {9, 11, 0, 2, 4, 5, 7}; /* A to G */
    if (**text < 'A' || **text > 'G') {
        return -EINVAL;
    }
    int root = semitones[*(*text)++ - 'A'];
    for (; **text == '#' || **text == 'b'; (*text)++) {
        root += **text == '#' ? 1 : -1;
    }
    return ((root % 12) + 12) % 12;
}

/* A scale degree such as "b3" or "13" as semitones above the root, up to 21. */
static int parse_degree(const char **text, int *ret)
{
    static const int semitones[14] = {0, 0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19, 21};
    int shift = 0, degree = 0;
    for (; **text == '#' || **text == 'b'; (*text)++) {
        shift += **text == '#' ? 1 : -1;
    }
    for (; **text >= '0' && **text <= '9' && degree < 14; (*text)++) {
        degree = degree * 10 + **text - '0';
    }
    if (degree < 1 || degree > 13) {
        return -EINVAL;
    }
    *ret = semitones[degree] + shift;
    return 0;
}

/* "(b3,*5,9)": degrees added and, with a star, taken away; those beyond the octave do not count. */
static int parse_degrees(const char **text, uint16_t *tones)
{
    uint16_t added = 0, removed = 0;
    do {
        (*text)++; /* the bracket or the comma */
        bool removes = **text == '*';
        *text += removes;
        int degree = 0;
        if (parse_degree(text, &degree) != 0) {
            return -EINVAL;
        }
        if (degree >= 0 && degree < 12) {
            *(removes ? &removed : &added) |= (uint16_t)(1u << degree);
        }
    } while (**text == ',');
    if (**text != ')') {
        return -EINVAL;
    }
    (*text)++;
    *tones = (uint16_t)((*tones | added) & ~removed);
    return 0;
}

static int parse_shorthand(const char **text, uint16_t *tones)
{
    size_t len = strcspn(*text, "(/");
    for (size_t i = 0; i < RF_ARRAY_LEN(shorthands); i++) {
        if (strlen(shorthands[i].name) == len && strncmp(shorthands[i].name, *text, len) == 0) {
            *tones = shorthands[i].tones;
            *text += len;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_quality(const char **text, uint16_t *tones)
{
    *tones = **text == '(' ? 0x001 : 0x091;
    if (**text == ':') {
        (*text)++;
        *tones = 0x001;
        if (**text != '(' && parse_shorthand(text, tones) != 0) {
            return -EINVAL;
        }
    }
    return **text == '(' ? parse_degrees(text, tones) : 0;
}

int corpus_chord_label_parse(const char *text, corpus_chord_label *ret)
{
    if (strcmp(text, "N") == 0 || strcmp(text, "X") == 0) {
        *ret = (corpus_chord_label){.root = -1, .is_unknown = *text == 'X'};
        return 0;
    }
    corpus_chord_label label = {.root = parse_root(&text)};
    if (label.root < 0 || parse_quality(&text, &label.tones) != 0) {
        return -EINVAL;
    }
    if (*text == '/') {
        int bass = 0;
        text++;
        if (parse_degree(&text, &bass) != 0) {
            return -EINVAL;
        }
        label.tones |= (uint16_t)(1u << ((bass + 12) % 12));
    }
    if (*text != '\0') {
        return -EINVAL;
    }
    *ret = label;
    return 0;
}
