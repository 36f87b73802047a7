/*
 * recorder_text.h - ids, times and places of a session as text. Pure, any thread.
 */
#ifndef RECORDER_TEXT_H
#define RECORDER_TEXT_H

#include "recorder_range.h"

#define RECORDER_ID_TEXT 33  /* 32 hex digits and the terminator */
#define RECORDER_TIME_LEN 40 /* "2026-01-02T03:04:05.678901234Z" and the terminator */

/* recorder_text_id writes an id; recorder_text_parse_id reads it back, -EINVAL. */
char *recorder_text_id(const uint8_t id[RECORDER_ID_LEN], char ret[RECORDER_ID_TEXT]);
int recorder_text_parse_id(const char *text, uint8_t ret[RECORDER_ID_LEN]) RF_MUST_USE;

/* recorder_text_time writes UTC ns as RFC 3339 with nanoseconds. recorder_text_parse_time reads
 * RFC 3339 with any zone and up to 9 decimals; a time without a zone is refused (T7): -EINVAL. */
char *recorder_text_time(int64_t utc_ns, char ret[RECORDER_TIME_LEN]);
int recorder_text_parse_time(const char *text, int64_t *ret_utc_ns) RF_MUST_USE;

/* recorder_text_bound reads "f:" and a frame number, or a time. -EINVAL. */
int recorder_text_bound(const char *text, recorder_bound *ret) RF_MUST_USE;

#endif
