#include "rf_time.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic(bool) driven;
static _Atomic(int64_t) driven_mono_ns;
static _Atomic(int64_t) driven_wall_ns;

/* How often a waiter of a driven clock looks at it again: only tests pay for this. */
#define DRIVEN_LOOK_NS (2 * RF_NS_PER_MS)

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * RF_NS_PER_S + ts.tv_nsec;
}

int64_t rf_time_real_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t rf_time_ns(void)
{
    return atomic_load(&driven) ? atomic_load(&driven_mono_ns) : rf_time_real_ns();
}

int64_t rf_time_wall_ms(void)
{
    int64_t ns = atomic_load(&driven) ? atomic_load(&driven_wall_ns) : read_clock(CLOCK_REALTIME);
    return ns / RF_NS_PER_MS;
}

void rf_time_drive(void)
{
    atomic_store(&driven_mono_ns, rf_time_real_ns());
    atomic_store(&driven_wall_ns, read_clock(CLOCK_REALTIME));
    atomic_store(&driven, true);
}

void rf_time_advance(int64_t ns)
{
    atomic_fetch_add(&driven_mono_ns, ns);
    atomic_fetch_add(&driven_wall_ns, ns);
}

bool rf_time_is_driven(void)
{
    return atomic_load(&driven);
}

int rf_time_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t at_ns)
{
    int64_t until_ns = at_ns;
    if (atomic_load(&driven)) {
        if (rf_time_ns() >= at_ns) {
            return -ETIMEDOUT;
        }
        until_ns = rf_time_real_ns() + DRIVEN_LOOK_NS;
    } else if (at_ns == RF_NEVER_NS) {
        return -pthread_cond_wait(cond, mutex);
    }
    struct timespec ts = {.tv_sec = until_ns / RF_NS_PER_S, .tv_nsec = until_ns % RF_NS_PER_S};
    int err = pthread_cond_timedwait(cond, mutex, &ts);
    return err == ETIMEDOUT && rf_time_ns() >= at_ns ? -ETIMEDOUT : 0;
}

void rf_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

char *rf_time_iso(int64_t wall_ms, char buf[RF_ISO_LEN])
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    /* Years are bounded so that the text always fits its buffer. */
    snprintf(buf, RF_ISO_LEN, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
             (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
             (unsigned)tm.tm_sec % 100u, (unsigned)(wall_ms % 1000) % 1000u);
    return buf;
}
