/*
 * band_font.h - a soundfont (SF2, or SF3 with Ogg Vorbis samples) as plain tables that every
 * session reads: loaded once and never written again, so that any thread may use it without a
 * lock. FluidSynth's own loader counts references in what it shares; that is why it is not used.
 *
 * The samples are no memory of this process: those of SF2 are played from the file, which is
 * mapped, those of SF3 from a mapped cache file (band_font_cache.h). They are page cache, shared
 * with other processes, and what is not played need not be there. The font file must not be cut
 * while it is loaded; to replace it, rename a new one over it.
 *
 * Presets are flattened: a layer is one sample under one key and velocity range, with the
 * generators and modulators of its instrument zone (they replace) and of its preset zone (they
 * add).
 */
#ifndef BAND_FONT_H
#define BAND_FONT_H

#include "rf_base.h"

typedef struct band_font_sample {
    const int16_t *data; /* with BAND_FONT_MARGIN readable samples before and after */
    uint32_t n;
    uint32_t loop_start, loop_end; /* within 0..n */
    uint32_t rate_hz;
    uint8_t root_key;
    int8_t tune_cents;
} band_font_sample;

typedef struct band_font_gen {
    uint16_t id; /* of the SoundFont specification 2.04, section 8.1 */
    float value;
} band_font_gen;

/* A modulator in the file's encoding, section 8.2. */
typedef struct band_font_mod {
    uint16_t source, dest;
    int16_t amount;
    uint16_t amount_source;
} band_font_mod;

typedef struct band_font_span {
    uint32_t first, n;
} band_font_span;

typedef struct band_font_layer {
    uint8_t key_lo, key_hi, velocity_lo, velocity_hi;
    int8_t half; /* of a stereo pair with its neighbour: -1 the left, 1 the right one; 0: of none */
    uint32_t sample;
    band_font_span set, add;           /* of gens: instrument zone, preset zone */
    band_font_span set_mods, add_mods; /* of mods, likewise */
} band_font_layer;

typedef struct band_font_preset {
    uint16_t bank, program;
    band_font_span layers;
} band_font_preset;

/* Bytes that samples lie in: mapped read-only, or of the heap. */
typedef struct band_font_bytes {
    uint8_t *data; /* NULL: none */
    size_t size;
    bool mapped;
} band_font_bytes;

typedef struct band_font {
    band_font_sample *samples;
    size_t n_samples;
    band_font_preset *presets; /* sorted by bank and program */
    size_t n_presets;
    band_font_layer *layers;
    size_t n_layers;
    band_font_gen *gens;
    size_t n_gens;
    band_font_mod *mods;
    size_t n_mods;
    char sha256[65]; /* hex, of the file */
    /* what the samples lie in */
    band_font_bytes file;
    band_font_bytes cache; /* of SF3 */
    int16_t **decoded;     /* n_samples, of SF3 without a cache; NULL: none */
} band_font;

#define BAND_FONT_MAX_SIZE ((size_t)1 << 30)
#define BAND_FONT_MAX_DECODED ((size_t)1 << 32) /* bytes */
#define BAND_FONT_MARGIN                                                                           \
    8U /* FluidSynth's interpolation reads so many samples beyond both ends                        \
        */

/* band_font_load maps and checks the file. Samples of SF3 that a preset of General MIDI's banks (0
 * and 128) plays are decoded into a file of cache_dir, which is made when it is missing, the first
 * time, and mapped from there afterwards; they are decoded into memory when cache_dir is NULL, or,
 * with a log line, when the file cannot be made. Returns 0; the negative errno of open, read and
 * mmap; -EFBIG above BAND_FONT_MAX_SIZE or, decoded, BAND_FONT_MAX_DECODED; -EINVAL when it is no
 * sound soundfont. */
int band_font_load(const char *path, const char *cache_dir, band_font **ret);

/* band_font_parse is the same for bytes in memory, which it takes over, on failure too. */
int band_font_parse(uint8_t *file, size_t size, band_font **ret);
band_font *band_font_free(band_font *font);

/* band_font_find gives the preset's index; when there is none, the one of program 0 of the same
 * bank, else 0. */
size_t band_font_find(const band_font *font, int bank, int program);

/* band_font_fetch brings all samples into memory and into the page tables, so that playing them
 * faults on no page. Takes 2 ms when they are there, and blocks while the disk reads; any thread
 * but those that render. */
void band_font_fetch(const band_font *font);

#endif
