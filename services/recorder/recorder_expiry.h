/*
 * recorder_expiry.h - retention of sessions that the registry has forgotten for lack of place: the
 * archive is searched for those whose time is over, in the background. The owner loop.
 */
#ifndef RECORDER_EXPIRY_H
#define RECORDER_EXPIRY_H

#include "recorder_service.h"

#define RECORDER_EXPIRY_MAX 256 /* sessions found by one search; the next one finds more */

/* recorder_expiry_search searches, unless it does so already, and deletes what it finds to be due
 * at this UTC. */
void recorder_expiry_search(recorder_service *service, int64_t utc_ns);

#endif
