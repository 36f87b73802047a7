#include "cli_jam_track.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define RATE REFLECTION_JAM_RATE_HZ
#define BLOCK 1920
#define BEATS 4
#define SILENCE_DB (-99.0)
#define METER_FLOOR_DB (-48.0)
#define METER_WIDTH 12

static void write_styles(const reflection_jam_chunk *chunk, char ret[CLI_JAM_STYLES_TEXT])
{
    size_t len = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < chunk->n_styles && len + 1 < CLI_JAM_STYLES_TEXT; i++) {
        const reflection_jam_style *s = &chunk->styles[i];
        int n = chunk->n_styles == 1 ? snprintf(ret, CLI_JAM_STYLES_TEXT, "%s", s->name)
                                     : snprintf(ret + len, CLI_JAM_STYLES_TEXT - len, "%s%s %.2f",
                                                i == 0 ? "" : " + ", s->name, s->weight);
        len += (size_t)RF_MAX(n, 0);
    }
}

void cli_jam_track_chunk(cli_jam_track *t, const reflection_jam_chunk *chunk)
{
    cli_jam_place *p = &t->places[t->n_places++ % CLI_JAM_TRACK_CHUNKS];
    *p = (cli_jam_place){.at = t->n_samples,
                         .bar = chunk->bar,
                         .beat = chunk->beat,
                         .bpm = chunk->bpm,
                         .lead_ms = chunk->lead_ms};
    write_styles(chunk, p->styles);
}

void cli_jam_track_add(cli_jam_track *t, const float *samples, size_t n)
{
    for (size_t i = 0; i < n; i++, t->n_samples++) {
        float *power = &t->power[t->n_samples / BLOCK % CLI_JAM_TRACK_BLOCKS];
        float left = samples[2 * i];
        float right = samples[2 * i + 1];
        *power = (t->n_samples % BLOCK == 0 ? 0 : *power) + (left * left + right * right) / 2;
    }
}

bool cli_jam_track_at(const cli_jam_track *t, uint64_t at, cli_jam_place *ret)
{
    size_t oldest = t->n_places > CLI_JAM_TRACK_CHUNKS ? t->n_places - CLI_JAM_TRACK_CHUNKS : 0;
    size_t i = t->n_places;
    while (i > oldest + 1 && t->places[(i - 1) % CLI_JAM_TRACK_CHUNKS].at > at) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    *ret = t->places[(i - 1) % CLI_JAM_TRACK_CHUNKS];
    double beats = at > ret->at ? (double)(at - ret->at) / RATE * ret->bpm / 60 : 0;
    double position = (double)(ret->bar - 1) * BEATS + (ret->beat - 1) + beats;
    ret->bar = 1 + (uint64_t)(position / BEATS);
    ret->beat = 1 + fmod(position, BEATS);
    ret->at = at;
    return true;
}

double cli_jam_track_level(const cli_jam_track *t, uint64_t at)
{
    uint64_t block = at / BLOCK;
    uint64_t n_blocks = t->n_samples / BLOCK; /* whole ones */
    if (block >= n_blocks || n_blocks - block >= CLI_JAM_TRACK_BLOCKS) {
        return SILENCE_DB;
    }
    double mean = (double)t->power[block % CLI_JAM_TRACK_BLOCKS] / BLOCK;
    return mean > 1e-9 ? 10 * log10(mean) : SILENCE_DB;
}

static void write_meter(double level_db, char ret[METER_WIDTH + 1])
{
    double share = 1 - level_db / METER_FLOOR_DB;
    int lit = (int)lround(RF_MIN(RF_MAX(share, 0.0), 1.0) * METER_WIDTH);
    for (int i = 0; i < METER_WIDTH; i++) {
        ret[i] = i < lit ? '#' : '-';
    }
    ret[METER_WIDTH] = '\0';
}

void cli_jam_line(const cli_jam_place *place, const cli_jam_controls *c, double level_db,
                  size_t columns, char ret[CLI_JAM_LINE_MAX])
{
    char meter[METER_WIDTH + 1];
    char key[32];
    double seconds = (double)place->at / RATE;
    write_meter(level_db, meter);
    snprintf(key, sizeof(key), "%s%s%s", cli_jam_key_name(c->key),
             strcmp(c->scale, "auto") == 0 ? "" : " ",
             strcmp(c->scale, "auto") == 0 ? "" : c->scale);
    snprintf(ret, CLI_JAM_LINE_MAX,
             "%d:%04.1f  bar %" PRIu64
             ".%d  %.0f bpm  key %s  %s  %s  lead %+.0f ms  [%s] %.1f dB%s",
             (int)(seconds / 60), fmod(floor(seconds * 10) / 10, 60), place->bar, (int)place->beat,
             place->bpm, key, place->styles, cli_jam_section_at(&c->section, place->bar),
             place->lead_ms, meter, level_db, c->paused ? "  paused" : "");
    size_t len = strlen(ret);
    if (len > columns) {
        while (columns > 0 && ((unsigned char)ret[columns] & 0xc0) == 0x80) {
            columns--; /* not inside a UTF-8 character */
        }
        ret[columns] = '\0';
    }
}
