#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>

/* G6 */
Test(clock, iso_has_three_decimals)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
    };
    char buf[RF_ISO_LEN];
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cr_expect_str_eq(rf_time_iso(cases[i].ms, buf), cases[i].text);
    }
}

Test(clock, driven_clock_stands_still_until_advanced)
{
    rf_time_drive();
    int64_t mono = rf_time_ns();
    int64_t wall = rf_time_wall_ms();
    cr_assert_eq(rf_time_ns(), mono);
    rf_time_advance(90 * RF_NS_PER_S);
    cr_assert_eq(rf_time_ns(), mono + 90 * RF_NS_PER_S);
    cr_assert_eq(rf_time_wall_ms(), wall + 90000);
}

static void *advance_later(void *user)
{
    (void)user;
    rf_time_advance(10 * RF_NS_PER_S);
    return NULL;
}

Test(clock, waiters_see_a_driven_deadline)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    pthread_t thread;
    rf_time_drive();
    rf_cond_init(&cond);
    int64_t at = rf_time_ns() + 10 * RF_NS_PER_S;
    pthread_mutex_lock(&mutex);
    cr_assert_eq(pthread_create(&thread, NULL, advance_later, NULL), 0);
    int err = 0;
    while (err == 0) {
        err = rf_time_wait_until(&cond, &mutex, at);
    }
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    cr_assert_eq(err, -ETIMEDOUT);
    cr_assert_geq(rf_time_ns(), at);
}

Test(clock, wait_ends_at_a_past_deadline)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    rf_cond_init(&cond);
    pthread_mutex_lock(&mutex);
    cr_assert_eq(rf_time_wait_until(&cond, &mutex, rf_time_ns() - 1), -ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}
