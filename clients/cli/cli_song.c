#include "cli_song.h"

#include <errno.h>
#include <fluidsynth.h>
#include <sndfile.h>
#include <string.h>
#include <unistd.h>

#define RATE_HZ 44100
#define BPM 112
#define BEATS_PER_BAR 4
#define TAIL_BEATS 4
#define EVENTS_STEP 1024
#define BLOCK_FRAMES 512
#define DRUMS 9 /* MIDI channel 10 */

enum { BASS, GUITAR, PIANO, LEAD, N_PARTS };

typedef struct event {
    double beat;
    int channel;
    int pitch;
    int velocity; /* 0 ends the note */
} event;

typedef struct song {
    event *events;
    size_t n;
    size_t capacity;
    double n_beats;
} song;

/* One bar of a section: chord root (MIDI, around C3), third above it, and four melody notes as
 * semitones above middle G (-1: rest). */
typedef struct bar {
    int root;
    int third;
    int seventh; /* semitones, 0 for a triad */
    int melody[4];
} bar;

static const bar verse[8] = {
    {43, 4, 0, {0, 4, 7, 4}},  {40, 3, 0, {9, 12, 4, -1}},  /* G, Em */
    {48, 4, 0, {5, 9, 12, 9}}, {50, 4, 10, {2, -1, 5, 11}}, /* C, D7 */
    {43, 4, 0, {7, 4, 0, -1}}, {47, 3, 0, {4, 7, 11, 7}},   /* G, Bm */
    {45, 3, 10, {9, 5, 2, 5}}, {50, 4, 10, {7, 11, 7, -1}}, /* Am7, D7 */
};
static const bar chorus[8] = {
    {48, 4, 0, {12, 9, 5, 9}},   {50, 4, 0, {11, 7, 11, 14}},  /* C, D */
    {43, 4, 0, {12, 16, 7, -1}}, {40, 3, 0, {9, 12, 9, 4}},    /* G, Em */
    {48, 4, 0, {5, 9, 12, 9}},   {50, 4, 0, {14, 11, 7, 2}},   /* C, D */
    {43, 4, 0, {7, 12, 16, 12}}, {43, 4, 0, {12, -1, -1, -1}}, /* G, G */
};
static const bar *const form[] = {verse, verse, chorus, verse, chorus};

static void add(song *s, int channel, double beat, double length, int pitch, int velocity)
{
    if (s->n + 2 > s->capacity) {
        s->capacity += EVENTS_STEP;
        s->events = rf_grow(s->events, s->capacity, sizeof(event));
    }
    s->events[s->n++] = (event){beat, channel, pitch, velocity};
    s->events[s->n++] = (event){beat + length, channel, pitch, 0};
}

static void add_chord(song *s, const bar *b, double at, bool loud)
{
    const int notes[4] = {b->root + 12, b->root + 12 + b->third, b->root + 19,
                          b->seventh > 0 ? b->root + 12 + b->seventh : b->root + 24};
    for (int half = 0; half < 8; half++) { /* strummed eighths */
        for (int k = 0; k < 4; k++) {
            add(s, GUITAR, at + half * 0.5 + k * 0.012, 0.42, notes[k],
                (half % 2 ? 52 : 66) - 3 * k);
        }
    }
    for (int k = 0; k < 4; k++) {
        add(s, PIANO, at, 3.8, notes[k], loud ? 72 : 58);
    }
}

static void add_bass(song *s, const bar *b, double at)
{
    static const int steps[4] = {0, 0, 7, 0};
    for (int beat = 0; beat < BEATS_PER_BAR; beat++) {
        int pitch = b->root + (b->root > 45 ? -12 : 0) + steps[beat];
        add(s, BASS, at + beat, 0.9, pitch, beat == 0 ? 100 : 84);
    }
}

static void add_drums(song *s, double at, bool loud, bool fill)
{
    for (int half = 0; half < 8; half++) {
        add(s, DRUMS, at + half * 0.5, 0.2, loud ? 51 : 42, half % 2 ? 54 : 70); /* ride, hat */
    }
    add(s, DRUMS, at, 0.2, 36, 112);
    add(s, DRUMS, at + 2, 0.2, 36, 104);
    add(s, DRUMS, at + 2.5, 0.2, 36, 84);
    add(s, DRUMS, at + 1, 0.2, 38, 100);
    add(s, DRUMS, at + 3, 0.2, 38, 104);
    for (int k = 0; fill && k < 4; k++) {
        add(s, DRUMS, at + 3 + k * 0.25, 0.2, 50 - k, 88 + 6 * k); /* toms, falling */
    }
}

static void add_bar(song *s, const bar *b, double at, bool loud, bool last)
{
    add_chord(s, b, at, loud);
    add_bass(s, b, at);
    add_drums(s, at, loud, last);
    for (int beat = 0; beat < BEATS_PER_BAR; beat++) {
        if (b->melody[beat] >= 0) {
            add(s, LEAD, at + beat, 0.92, 67 + b->melody[beat], beat % 2 == 0 ? 104 : 92);
        }
    }
}

static int by_time(const void *a, const void *b)
{
    const event *x = a;
    const event *y = b;
    if (x->beat != y->beat) {
        return x->beat < y->beat ? -1 : 1;
    }
    return x->velocity - y->velocity; /* a note ends before the next begins */
}

static void compose(song *s)
{
    double at = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(form); i++) {
        for (int b = 0; b < 8; b++, at += BEATS_PER_BAR) {
            add_bar(s, &form[i][b], at, form[i] == chorus, b == 7);
        }
    }
    for (int k = 0; k < 3; k++) { /* the last chord is held */
        add(s, PIANO, at, TAIL_BEATS, 55 + (const int[]){0, 4, 7}[k], 80);
    }
    add(s, BASS, at, TAIL_BEATS, 31, 96);
    s->n_beats = at + TAIL_BEATS;
    qsort(s->events, s->n, sizeof(event), by_time);
}

static int play_until(fluid_synth_t *synth, SNDFILE *out, int64_t *frame, int64_t until)
{
    float pcm[2 * BLOCK_FRAMES];
    while (*frame < until) {
        int n = (int)RF_MIN(until - *frame, (int64_t)BLOCK_FRAMES);
        fluid_synth_write_float(synth, n, pcm, 0, 2, pcm, 1, 2);
        if (sf_writef_float(out, pcm, n) != n) {
            return -EIO;
        }
        *frame += n;
    }
    return 0;
}

static int64_t frame_of(double beat)
{
    return (int64_t)(beat * 60.0 / BPM * RATE_HZ);
}

static int play(const song *s, fluid_synth_t *synth, SNDFILE *out)
{
    int64_t frame = 0;
    int err = 0;
    for (size_t i = 0; i < s->n && err == 0; i++) {
        const event *e = &s->events[i];
        err = play_until(synth, out, &frame, frame_of(e->beat));
        if (e->velocity > 0) {
            fluid_synth_noteon(synth, e->channel, e->pitch, e->velocity);
        } else {
            fluid_synth_noteoff(synth, e->channel, e->pitch);
        }
    }
    return err == 0 ? play_until(synth, out, &frame, frame_of(s->n_beats)) : err;
}

static const char *find_soundfont(const char *given)
{
    static const char *const places[] = {"/usr/share/sounds/sf2/FluidR3_GM.sf2",
                                         "/usr/share/sounds/sf2/default-GM.sf2",
                                         "/usr/share/sounds/sf2/TimGM6mb.sf2"};
    for (size_t i = 0; given == NULL && i < RF_ARRAY_LEN(places); i++) {
        if (access(places[i], R_OK) == 0) {
            return places[i];
        }
    }
    return given;
}

static int open_synth(fluid_settings_t *settings, const char *font, fluid_synth_t **ret,
                      rf_buf *error)
{
    static const int programs[N_PARTS] = {33, 25, 0, 73}; /* bass, steel guitar, piano, flute */
    fluid_settings_setnum(settings, "synth.sample-rate", RATE_HZ);
    fluid_settings_setnum(settings, "synth.gain", 0.5);
    *ret = new_fluid_synth(settings);
    if (font == NULL || *ret == NULL || fluid_synth_sfload(*ret, font, 1) == FLUID_FAILED) {
        rf_buf_printf(error, "no General MIDI soundfont (%s); install fluid-soundfont-gm",
                      font != NULL ? font : "none found");
        return -ENOENT;
    }
    for (int part = 0; part < N_PARTS; part++) {
        fluid_synth_program_change(*ret, part, programs[part]);
    }
    fluid_synth_cc(*ret, GUITAR, 10, 34); /* pan */
    fluid_synth_cc(*ret, PIANO, 10, 92);
    return 0;
}

int cli_song_render(const char *path, const char *soundfont, rf_buf *error)
{
    SF_INFO info = {
        .samplerate = RATE_HZ, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *out = sf_open(path, SFM_WRITE, &info);
    if (out == NULL) {
        rf_buf_printf(error, "%s: %s", path, sf_strerror(NULL));
        return -EIO;
    }
    sf_command(out, SFC_SET_CLIPPING, NULL, SF_TRUE);
    song s = {0};
    compose(&s);
    fluid_settings_t *settings = new_fluid_settings();
    fluid_synth_t *synth = NULL;
    int err = open_synth(settings, find_soundfont(soundfont), &synth, error);
    if (err == 0) {
        err = play(&s, synth, out);
    }
    delete_fluid_synth(synth);
    delete_fluid_settings(settings);
    free(s.events);
    return sf_close(out) != 0 || err < 0 ? (err < 0 ? err : -EIO) : 0;
}
