#include "band_font_presets.h"

#include <errno.h>

enum { GEN_PAN = 17, GEN_INSTRUMENT = 41, GEN_KEY_RANGE = 43, GEN_VELOCITY_RANGE = 44 };
enum { GEN_ATTENUATION = 48, GEN_SAMPLE = 53, GEN_LAST_KNOWN = 58 };

/* Instruments of the time scaled attenuation so, and fonts were voiced on them. */
#define ATTENUATION_SCALE 0.4F

#define HARD_PAN 400.0F /* of 500 */

/* Far above any real font; a file that asks for more is cut there. */
#define MAX_LAYERS ((size_t)1 << 17)

/* One zone of a preset or an instrument as it stands in the file. */
typedef struct zone {
    uint8_t key_lo, key_hi, velocity_lo, velocity_hi;
    int target; /* instrument or sample; -1: global zone */
    band_font_gen gens[GEN_LAST_KNOWN + 1];
    size_t n_gens;
    size_t first_mod, n_mods; /* records */
} zone;

/* Which tables a walk over zones reads. */
typedef struct side {
    band_riff_name bag, gen, mod;
    int target;
} side;

static const side presets_side = {BAND_RIFF_PBAG, BAND_RIFF_PGEN, BAND_RIFF_PMOD, GEN_INSTRUMENT};
static const side instruments_side = {BAND_RIFF_IBAG, BAND_RIFF_IGEN, BAND_RIFF_IMOD, GEN_SAMPLE};

typedef struct parser {
    band_font *font;
    const band_riff_chunk *chunks;
    size_t room_layers, room_gens, room_mods;
} parser;

#define GROW(array, n, room)                                                                       \
    do {                                                                                           \
        if ((n) == (room)) {                                                                       \
            (room) = (room) == 0 ? 256 : (room)*2;                                                 \
            (array) = rf_grow((array), (room), sizeof(*(array)));                                  \
        }                                                                                          \
    } while (0)

/* Generators that say which part of a sample sounds and how: they count in instruments only. */
static bool is_of_sample(uint16_t id)
{
    return id <= 4 || id == 12 || (id >= 45 && id <= 47) || id == 50 || id == 54 || id >= 57;
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static uint8_t higher(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

static void take_range(const uint8_t *record, uint8_t *ret_lo, uint8_t *ret_hi)
{
    *ret_lo = lower(record[2], record[3]);
    *ret_hi = higher(record[2], record[3]);
}

static void take_gen(zone *z, const side *s, const uint8_t *record)
{
    const uint16_t id = band_riff_u16(record);
    const uint16_t amount = band_riff_u16(record + 2);
    if (id == GEN_KEY_RANGE) {
        take_range(record, &z->key_lo, &z->key_hi);
    } else if (id == GEN_VELOCITY_RANGE) {
        take_range(record, &z->velocity_lo, &z->velocity_hi);
    } else if (id == s->target) {
        z->target = amount;
    } else if (s->target == GEN_INSTRUMENT && is_of_sample(id)) {
        return;
    } else if (id <= GEN_LAST_KNOWN && z->n_gens < RF_ARRAY_LEN(z->gens)) {
        const float scale = id == GEN_ATTENUATION ? ATTENUATION_SCALE : 1.0F;
        z->gens[z->n_gens++] = (band_font_gen){id, scale * (float)(int16_t)amount};
    }
}

/* Reads zone i of a side; its lists end where those of zone i + 1 begin. */
static int read_zone(const parser *p, const side *s, size_t i, zone *ret)
{
    if (i + 1 >= band_riff_count(p->chunks, s->bag)) {
        return -EINVAL;
    }
    const uint8_t *bag = band_riff_record(p->chunks, s->bag, i);
    const size_t gen = band_riff_u16(bag), gen_end = band_riff_u16(bag + 4);
    const size_t mod = band_riff_u16(bag + 2), mod_end = band_riff_u16(bag + 6);
    if (gen > gen_end || gen_end > band_riff_count(p->chunks, s->gen) || mod > mod_end ||
        mod_end > band_riff_count(p->chunks, s->mod)) {
        return -EINVAL;
    }
    *ret = (zone){.key_hi = 127, .velocity_hi = 127, .target = -1, .first_mod = mod};
    ret->n_mods = mod_end - mod;
    for (size_t g = gen; g < gen_end; g++) {
        take_gen(ret, s, band_riff_record(p->chunks, s->gen, g));
    }
    return 0;
}

static bool has_gen(const zone *z, uint16_t id)
{
    for (size_t i = 0; z != NULL && i < z->n_gens; i++) {
        if (z->gens[i].id == id) {
            return true;
        }
    }
    return false;
}

static void add_gens(parser *p, const zone *z, const zone *over)
{
    band_font *font = p->font;
    for (size_t i = 0; z != NULL && i < z->n_gens; i++) {
        if (!has_gen(over, z->gens[i].id)) {
            GROW(font->gens, font->n_gens, p->room_gens);
            font->gens[font->n_gens++] = z->gens[i];
        }
    }
}

static void add_mods(parser *p, const side *s, const zone *z)
{
    band_font *font = p->font;
    for (size_t i = 0; z != NULL && i < z->n_mods; i++) {
        const uint8_t *record = band_riff_record(p->chunks, s->mod, z->first_mod + i);
        GROW(font->mods, font->n_mods, p->room_mods);
        font->mods[font->n_mods++] =
            (band_font_mod){band_riff_u16(record), band_riff_u16(record + 2),
                            (int16_t)band_riff_u16(record + 4), band_riff_u16(record + 6)};
    }
}

/* A zone's generators hold before its global zone's; modulators of both, the zone's last. */
static void flatten(parser *p, const side *s, const zone *global, const zone *local,
                    band_font_span *ret_gens, band_font_span *ret_mods)
{
    band_font *font = p->font;
    ret_gens->first = (uint32_t)font->n_gens;
    ret_mods->first = (uint32_t)font->n_mods;
    add_gens(p, global, local);
    add_gens(p, local, NULL);
    add_mods(p, s, global);
    add_mods(p, s, local);
    ret_gens->n = (uint32_t)font->n_gens - ret_gens->first;
    ret_mods->n = (uint32_t)font->n_mods - ret_mods->first;
}

static float gen_value(const band_font *font, band_font_span span, uint16_t id)
{
    for (uint32_t i = span.first; i < span.first + span.n; i++) {
        if (font->gens[i].id == id) {
            return font->gens[i].value;
        }
    }
    return 0;
}

/* Fonts tell pairs by where they are panned; the samples' own links are often missing. */
static void pair_up(band_font *font)
{
    if (font->n_layers < 2) {
        return;
    }
    band_font_layer *a = &font->layers[font->n_layers - 2], *b = a + 1;
    const float left = gen_value(font, a->set, GEN_PAN);
    const float right = gen_value(font, b->set, GEN_PAN);
    if (left <= -HARD_PAN && right >= HARD_PAN && a->key_lo == b->key_lo &&
        a->key_hi == b->key_hi && a->velocity_lo == b->velocity_lo &&
        a->velocity_hi == b->velocity_hi && a->add.first == b->add.first) {
        a->half = -1;
        b->half = 1;
    }
}

static void add_layer(parser *p, const zone *preset, const zone *global, const zone *local,
                      band_font_layer layer)
{
    band_font *font = p->font;
    layer.key_lo = higher(preset->key_lo, local->key_lo);
    layer.key_hi = lower(preset->key_hi, local->key_hi);
    layer.velocity_lo = higher(preset->velocity_lo, local->velocity_lo);
    layer.velocity_hi = lower(preset->velocity_hi, local->velocity_hi);
    layer.sample = (uint32_t)local->target;
    if (font->n_layers == MAX_LAYERS || layer.key_lo > layer.key_hi ||
        layer.velocity_lo > layer.velocity_hi || layer.sample >= font->n_samples ||
        font->samples[layer.sample].n == 0) {
        return;
    }
    flatten(p, &instruments_side, global, local, &layer.set, &layer.set_mods);
    GROW(font->layers, font->n_layers, p->room_layers);
    font->layers[font->n_layers++] = layer;
    pair_up(font);
}

/* The layers of one preset zone: those of its instrument. */
static int read_instrument(parser *p, const zone *preset, band_font_layer layer)
{
    const size_t i = (size_t)preset->target;
    if (i + 1 >= band_riff_count(p->chunks, BAND_RIFF_INST)) {
        return -EINVAL;
    }
    const size_t first = band_riff_u16(band_riff_record(p->chunks, BAND_RIFF_INST, i) + 20);
    const size_t end = band_riff_u16(band_riff_record(p->chunks, BAND_RIFF_INST, i + 1) + 20);
    zone global = {0}, local;
    bool has_global = false;
    for (size_t z = first; z < end; z++) {
        if (read_zone(p, &instruments_side, z, &local) != 0) {
            return -EINVAL;
        }
        if (local.target >= 0) {
            add_layer(p, preset, has_global ? &global : NULL, &local, layer);
        } else if (z == first) {
            global = local;
            has_global = true;
        }
    }
    return 0;
}

static int read_zones(parser *p, size_t first, size_t end)
{
    zone global = {0}, local;
    bool has_global = false;
    for (size_t z = first; z < end; z++) {
        if (read_zone(p, &presets_side, z, &local) != 0) {
            return -EINVAL;
        }
        if (local.target < 0) {
            global = z == first ? local : global;
            has_global = has_global || z == first;
            continue;
        }
        band_font_layer layer = {0};
        flatten(p, &presets_side, has_global ? &global : NULL, &local, &layer.add, &layer.add_mods);
        if (read_instrument(p, &local, layer) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static int by_bank(const void *a, const void *b)
{
    const band_font_preset *x = a, *y = b;
    return x->bank != y->bank ? (int)x->bank - (int)y->bank : (int)x->program - (int)y->program;
}

/* General MIDI's own, and its drums; variations in other banks are never asked for. */
static bool is_played(uint16_t bank)
{
    return bank == 0 || bank == 128;
}

int band_font_presets_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N])
{
    parser p = {.font = font, .chunks = chunks};
    const size_t n = band_riff_count(chunks, BAND_RIFF_PHDR) - 1;
    font->presets = RF_NEW_ARRAY(band_font_preset, n + 1);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *record = band_riff_record(chunks, BAND_RIFF_PHDR, i);
        const size_t end = band_riff_u16(band_riff_record(chunks, BAND_RIFF_PHDR, i + 1) + 24);
        band_font_preset preset = {.program = band_riff_u16(record + 20),
                                   .bank = band_riff_u16(record + 22),
                                   .layers.first = (uint32_t)font->n_layers};
        if (is_played(preset.bank) && read_zones(&p, band_riff_u16(record + 24), end) != 0) {
            return -EINVAL;
        }
        preset.layers.n = (uint32_t)font->n_layers - preset.layers.first;
        if (preset.layers.n > 0) {
            font->presets[font->n_presets++] = preset;
        }
    }
    qsort(font->presets, font->n_presets, sizeof(*font->presets), by_bank);
    return font->n_presets > 0 ? 0 : -EINVAL;
}
