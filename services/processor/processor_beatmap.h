/*
 * processor_beatmap.h - the beatMap file: rows {"time":0.512,"beatNum":1,"confidence":0.9}, written
 * by the beats module and read back by those that follow the beat.
 */
#ifndef PROCESSOR_BEATMAP_H
#define PROCESSOR_BEATMAP_H

#include "analysis_beats.h"
#include "processor_value.h"

/* processor_beatmap_write fills a JSON output whose memfd is open. Times rise by at least 1 ms and
 * end before duration_s. Returns 0 or negative errno. */
int processor_beatmap_write(const analysis_beats *beats, double duration_s, processor_value *out);

/* processor_beatmap_read reads a map; tempo and meter are taken from its rows. *ret is emptied by
 * processor_beatmap_done (beats made here are not for analysis_beats_done). Returns 0, -EPROTO for
 * anything else, or negative errno. */
int processor_beatmap_read(const processor_value *map, analysis_beats *ret);
void processor_beatmap_done(analysis_beats *beats);

#endif
