/*
 * cli_sheet.h - a readable lead sheet from the results of music-ai/music-analysis.
 */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "rf_buf.h"

#include <jansson.h>

/* cli_sheet_write appends key, tempo, length, loudness, and per section its bars with the chords
 * heard in them ("|" opens a bar, "." repeats the chord at a beat). The arrays and the object are
 * those of spec jobs.md section 6: chordMap, beatMap, sectionsMap, loudness; any may be NULL. */
void cli_sheet_write(rf_buf *out, const char *key, const char *bpm, const json_t *chords,
                     const json_t *beats, const json_t *sections, const json_t *loudness);

#endif
