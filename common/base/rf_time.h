/*
 * rf_time.h - the two clocks, and how a test drives them.
 * Durations and deadlines use the monotonic clock (ns), records use the wall clock (ms since 1970,
 * UTC). Any thread may read. After rf_time_drive both stand still and move by rf_time_advance only;
 * threads that wait with rf_time_wait_until are woken by it.
 */
#ifndef RF_TIME_H
#define RF_TIME_H

#include "rf_base.h"

#include <pthread.h>

#define RF_NS_PER_MS 1000000LL
#define RF_NS_PER_S 1000000000LL
#define RF_NEVER_NS INT64_MAX

int64_t rf_time_ns(void);      /* monotonic */
int64_t rf_time_real_ns(void); /* monotonic, not driven: for a network, a database, a disk */
int64_t rf_time_wall_ms(void); /* since 1970-01-01T00:00:00Z */

/* rf_time_drive stops both clocks at their present value for the rest of the process. */
void rf_time_drive(void);

/* rf_time_advance moves driven clocks forward by ns >= 0 and wakes every waiter. */
void rf_time_advance(int64_t ns);

/* rf_time_is_driven says whether rf_time_drive was called. */
bool rf_time_is_driven(void);

/* rf_time_wait_until waits on cond (made with rf_cond_init) until it is signalled or the monotonic
 * clock, driven or not, reaches at_ns. RF_NEVER_NS waits for the signal alone. Spurious wake-ups
 * happen. Returns 0, or -ETIMEDOUT when at_ns has been reached. */
int rf_time_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t at_ns);

/* rf_cond_init makes a condition variable on the monotonic clock. */
void rf_cond_init(pthread_cond_t *cond);

#define RF_ISO_LEN 25 /* "2026-01-02T03:04:05.678Z" and the terminator */

/* rf_time_iso writes wall_ms as YYYY-MM-DDTHH:MM:SS.mmmZ and returns buf. */
char *rf_time_iso(int64_t wall_ms, char buf[RF_ISO_LEN]);

#endif
