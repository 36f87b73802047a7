/* What the tests of the take share: a take that has begun, changes for it, chance that repeats. */
#ifndef TAKE_CASE_H
#define TAKE_CASE_H

#include "recorder_range.h"

#define T0 INT64_C(1790000000000000000) /* UTC of start() */
#define SECOND INT64_C(1000000000)

/* Chance with a seed (xorshift). */
uint64_t chance(uint64_t *state);
double chance_unit(uint64_t *state);                             /* [0, 1) */
int64_t chance_below(uint64_t *state, int64_t from, int64_t to); /* [from, to) */

/* The START of a session: network, int16, mono, 16 kHz, first key id 1, 1, 1 ... */
recorder_change start_change(void);

/* take_begin: a take with that START; options may be changed before by `edit`. */
recorder_take *take_begin(void);
recorder_take *take_begin_with(const recorder_change *start);

/* Applies a change of the next seq. */
int take_do(recorder_take *take, recorder_change change);
int take_at(recorder_take *take, recorder_change_kind kind, int64_t frame, int64_t utc_ns);
int take_gap(recorder_take *take, int64_t start, int64_t length, recorder_gap_cause cause);
int take_finalize(recorder_take *take, recorder_reason reason);
/* Publishes all that is not covered as one segment. */
int take_publish(recorder_take *take);

#endif
