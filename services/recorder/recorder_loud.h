/*
 * recorder_loud.h - the loudness of a session's frames as they pass (section 7, EBU R128). One
 * thread.
 */
#ifndef RECORDER_LOUD_H
#define RECORDER_LOUD_H

#include "recorder_change.h"
#include "rf_convert.h"
#include "rf_loudness.h"

typedef struct recorder_loud recorder_loud;

recorder_loud *recorder_loud_new(const rf_pcm *pcm);
recorder_loud *recorder_loud_free(recorder_loud *loud);

/* recorder_loud_add takes n frames; samples that are not finite count as 0 (L11). user is the
 * recorder_loud: it may stand where something hears frames. */
void recorder_loud_add(void *user, const void *data, int64_t n);

/* recorder_loud_read: of all frames so far. */
void recorder_loud_read(recorder_loud *loud, rf_loudness *ret);
recorder_loudness recorder_loud_segment(recorder_loud *loud);

#endif
