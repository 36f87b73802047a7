/*
 * corpus_piece.h - one piece of the corpus: plan, score and how it is to sound.
 *
 * A piece is owned by whoever made it with corpus_piece_new and used by one thread. Musical time is
 * in beats from the first beat of the music; seconds are those of the finished file, head included.
 */
#ifndef CORPUS_PIECE_H
#define CORPUS_PIECE_H

#include "corpus_harmony.h"
#include "corpus_style.h"

typedef enum corpus_half { CORPUS_TUNE, CORPUS_GATE } corpus_half;

/* Stems in the order of their files. Their sum is the clean and the reverberant mix. */
typedef enum corpus_stem {
    CORPUS_VOCALS,
    CORPUS_KICK,
    CORPUS_SNARE,
    CORPUS_DRUMS_OTHER,
    CORPUS_BASS,
    CORPUS_OTHER,
    CORPUS_N_STEMS,
} corpus_stem;

typedef enum corpus_voice {
    CORPUS_VOICE_GM,     /* FluidSynth */
    CORPUS_VOICE_SUNG,   /* own singer */
    CORPUS_VOICE_SPOKEN, /* own singer without a melody */
} corpus_voice;

typedef struct corpus_note {
    double start_s, end_s;
    int pitch;    /* MIDI */
    int velocity; /* 1 to 127 */
} corpus_note;

typedef struct corpus_track {
    corpus_stem stem;
    corpus_voice voice;
    bool is_drums;
    bool is_distorted;
    int program;
    double level_db;
    double pan; /* -1 left to 1 right */
    corpus_note *notes;
    size_t n_notes, cap_notes;
} corpus_track;

typedef struct corpus_chord {
    double start_beat, end_beat;
    corpus_harmony harmony;
} corpus_chord;

typedef struct corpus_section {
    char letter;
    int first_bar, n_bars;
} corpus_section;

typedef enum corpus_noise { CORPUS_SILENCE, CORPUS_APPLAUSE, CORPUS_SPEECH } corpus_noise;

typedef struct corpus_sound {
    double detune_cents;
    double width;        /* 0 mono to 1 */
    double reverb_s;     /* T60 of the reverberant mix */
    double reverb_wet;   /* its level against the dry sound */
    double overdrive_db; /* level above full scale before a clipped master; 0 leaves it clean */
    bool is_lofi;        /* 6 kHz low-pass and hiss */
    int mp3_kbps;
    corpus_noise head, tail;
    int font; /* index of the soundfont, see corpus_synth.h */
} corpus_sound;

#define CORPUS_MAX_TRACKS 16
#define CORPUS_MAX_SECTIONS 16

typedef struct corpus_piece {
    char name[64];
    uint64_t seed;
    const corpus_style *style;
    int tonic;
    bool is_minor;
    double bpm; /* median of the beat lengths of the music */
    double swing;
    int n_bars;
    double head_s, tail_s, duration_s;
    double *beats_s; /* n_beats + 1 */
    int n_beats;
    corpus_section sections[CORPUS_MAX_SECTIONS];
    int n_sections;
    corpus_chord *chords;
    size_t n_chords;
    corpus_track tracks[CORPUS_MAX_TRACKS];
    int n_tracks;
    corpus_sound sound;
} corpus_piece;

/* corpus_piece_new composes piece `index` of a half; equal arguments give equal pieces. */
corpus_piece *corpus_piece_new(corpus_half half, int index) RF_MUST_USE;

/* corpus_piece_free accepts NULL and returns NULL. */
corpus_piece *corpus_piece_free(corpus_piece *piece);

/* corpus_beat_time gives the second at which a beat (fractional, swung) falls. */
double corpus_beat_time(const corpus_piece *piece, double beat);

/* corpus_chord_at gives the chord sounding at a beat. */
const corpus_chord *corpus_chord_at(const corpus_piece *piece, double beat);

/* corpus_parts_write fills the tracks from the plan; called by corpus_piece_new. */
void corpus_parts_write(corpus_piece *piece);

#endif
