/*
 * recorder_reserve.h - disk space set aside for the day the disk is full, as a file of that size,
 * and how much is free. Any thread, one at a time.
 */
#ifndef RECORDER_RESERVE_H
#define RECORDER_RESERVE_H

#include "rf_base.h"

/* recorder_reserve_set makes the file at path hold `bytes` of real disk space (0 removes it). 0,
 * -ENOSPC or another negative errno, and then no more is held than before. */
int recorder_reserve_set(const char *path, int64_t bytes);

/* recorder_reserve_spend gives the space back to the file system: true when there was any. */
bool recorder_reserve_spend(const char *path);

/* recorder_free_bytes: what is left in the file system of path for this user; or negative errno. */
int64_t recorder_free_bytes(const char *path);

#endif
