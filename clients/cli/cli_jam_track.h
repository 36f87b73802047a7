/*
 * cli_jam_track.h - where the music is: what was in force and how loud it was at each sample of the
 * last minute, and the line that tells it. Plain bookkeeping, one thread.
 */
#ifndef CLI_JAM_TRACK_H
#define CLI_JAM_TRACK_H

#include "cli_jam_keys.h"
#include "reflection_jam.h"

#define CLI_JAM_TRACK_CHUNKS 2048 /* a minute of the shortest chunks, and more */
#define CLI_JAM_TRACK_BLOCKS 2048 /* of 40 ms */
#define CLI_JAM_STYLES_TEXT 96
#define CLI_JAM_LINE_MAX 512

typedef struct cli_jam_place {
    uint64_t at; /* sample of the joined stream, from 0 */
    uint64_t bar;
    double beat; /* 1.0 to below 5.0 */
    double bpm;
    double lead_ms;
    char styles[CLI_JAM_STYLES_TEXT];
} cli_jam_place;

typedef struct cli_jam_track {
    cli_jam_place places[CLI_JAM_TRACK_CHUNKS]; /* ring */
    size_t n_places;
    float power[CLI_JAM_TRACK_BLOCKS]; /* ring: sum of squares of each 40 ms */
    uint64_t n_samples;
} cli_jam_track;

/* cli_jam_track_chunk notes a chunk before its samples are added. */
void cli_jam_track_chunk(cli_jam_track *t, const reflection_jam_chunk *chunk);

/* cli_jam_track_add notes n joined sample pairs. */
void cli_jam_track_add(cli_jam_track *t, const float *samples, size_t n);

/* cli_jam_track_at tells of a sample, bar and beat moved on to it; false before the first chunk. */
bool cli_jam_track_at(const cli_jam_track *t, uint64_t at, cli_jam_place *ret);

/* cli_jam_track_level is the level around a sample, dBFS of a full-scale square wave, -99 for
 * silence and what is not known. */
double cli_jam_track_level(const cli_jam_track *t, uint64_t at);

/* cli_jam_line writes time, bar.beat, bpm, key, style, section, lead and level, at most columns
 * wide. */
void cli_jam_line(const cli_jam_place *place, const cli_jam_controls *c, double level_db,
                  size_t columns, char ret[CLI_JAM_LINE_MAX]);

#endif
