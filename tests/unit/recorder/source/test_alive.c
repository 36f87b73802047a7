/* S4: a device that does not deliver is told of, opened again and in the end given up. */
#include "recorder_alive.h"
#include "rf_time.h"

#include <criterion/criterion.h>

#define MS RF_NS_PER_MS

typedef struct scene {
    recorder_alive alive;
    recorder_alive_seen seen;
    int64_t now_ns;
    bool opens; /* an opening goes well, at once */
    unsigned lost, back, reopened, over;
    int64_t lost_ns, reopened_ns, over_ns;
} scene;

static scene begin(int64_t reopen_ms)
{
    scene s = {.now_ns = RF_NS_PER_S};
    recorder_alive_init(&s.alive, 500, reopen_ms, s.now_ns);
    return s;
}

static void look(scene *s)
{
    switch (recorder_alive_look(&s->alive, &s->seen, s->now_ns)) {
    case RECORDER_ALIVE_LOST:
        s->lost++;
        s->lost_ns = s->now_ns;
        break;
    case RECORDER_ALIVE_BACK:
        s->back++;
        break;
    case RECORDER_ALIVE_REOPEN:
        s->reopened++;
        s->reopened_ns = s->now_ns;
        recorder_alive_opened(&s->alive, s->opens, s->now_ns);
        s->seen.dead = !s->opens;
        break;
    case RECORDER_ALIVE_OVER:
        s->over++;
        s->over_ns = s->now_ns;
        break;
    case RECORDER_ALIVE_NONE:
        break;
    }
}

static void pass(scene *s, int64_t ms, bool data)
{
    s->seen.data = data;
    for (int64_t i = 0; i < ms; i += 10) {
        s->now_ns += 10 * MS;
        look(s);
    }
}

Test(alive, S4_half_a_second_without_data_is_told_once)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    pass(&s, 490, false);
    s.seen.explained = true;
    cr_expect_eq(s.lost, 0u);
    pass(&s, 300, false);
    cr_expect_eq(s.lost, 1u);
    s.opens = true;
    pass(&s, 1000, true);
    cr_expect_eq(s.lost, 1u);
    cr_expect_eq(s.back, 1u);
}

Test(alive, S4_the_cause_is_waited_for_and_the_event_comes_within_a_second)
{
    scene s = begin(30000);
    s.opens = true;
    pass(&s, 1000, true);
    pass(&s, 700, false);
    cr_expect_eq(s.lost, 0u);
    s.seen.explained = true;
    pass(&s, 10, false);
    cr_expect_eq(s.lost, 1u);
    cr_expect_geq(s.reopened, 1u, "the device is not waited with");
    s.seen.explained = false;
    pass(&s, 100, true);
    int64_t from_ns = s.now_ns;
    pass(&s, 2000, false);
    cr_expect_eq(s.lost, 2u);
    cr_expect_eq(s.lost_ns - from_ns, 800 * MS);
}

Test(alive, S4_what_comes_again_before_it_is_told_is_not_told)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    pass(&s, 600, false);
    pass(&s, 1000, true);
    cr_expect_eq(s.lost, 0u);
    cr_expect_eq(s.back, 0u);
}

Test(alive, S4_a_stream_that_died_is_told_and_opened_at_once)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    s.seen.dead = true;
    s.seen.explained = true;
    pass(&s, 20, false);
    cr_expect_eq(s.lost, 1u);
    cr_expect_eq(s.reopened, 1u);
}

Test(alive, S4_it_is_opened_again_every_500_ms_for_30_s)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    s.seen.dead = true;
    pass(&s, 29900, false);
    cr_expect_eq(s.reopened, 60u, "%u times", s.reopened);
    cr_expect_eq(s.over, 0u);
    pass(&s, 60000, false);
    cr_expect_eq(s.over, 1u);
    cr_expect_eq(s.over_ns - s.lost_ns, (30000 - RECORDER_EXPLAIN_MS) * MS);
    cr_expect_eq(s.back, 0u);
}

Test(alive, S4_with_no_time_to_open_again_it_ends_at_once)
{
    scene s = begin(0);
    pass(&s, 1000, true);
    s.seen.dead = true;
    pass(&s, 50, false);
    cr_expect_eq(s.reopened, 0u);
    cr_expect_eq(s.lost, 1u);
    cr_expect_eq(s.over, 1u);
}

Test(alive, S4_a_stream_opened_again_has_time_for_its_first_data)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    s.seen.dead = true;
    s.opens = true;
    pass(&s, 2000, false);
    cr_expect_eq(s.reopened, 1u);
    pass(&s, 1000, false);
    cr_expect_eq(s.reopened, 2u);
    pass(&s, 100, true);
    cr_expect_eq(s.back, 1u);
}

Test(alive, S4_the_first_stream_has_it_too)
{
    scene s = begin(30000);
    pass(&s, 2000, false);
    cr_expect_eq(s.lost, 1u);
    cr_expect_eq(s.reopened, 0u);
}

Test(alive, S4_time_in_which_the_owner_stood_still_is_no_silence)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    s.now_ns += 3000 * MS;
    pass(&s, 100, false);
    pass(&s, 100, true);
    cr_expect_eq(s.lost, 0u);
}

Test(alive, S3_a_suspended_source_is_waited_for)
{
    scene s = begin(1000);
    pass(&s, 1000, true);
    s.seen.suspended = true;
    pass(&s, 60000, false);
    cr_expect_eq(s.lost, 1u);
    cr_expect_eq(s.over, 0u);
    cr_expect_eq(s.reopened, 0u);
    s.seen.suspended = false;
    pass(&s, 100, true);
    cr_expect_eq(s.back, 1u);
}

Test(alive, S3_a_stream_that_died_of_suspension_is_opened_at_once)
{
    scene s = begin(1000);
    pass(&s, 1000, true);
    s.seen.suspended = true;
    s.opens = true;
    pass(&s, 1000, false);
    s.seen.dead = true;
    pass(&s, 10, false);
    cr_expect_eq(s.reopened, 1u);
    cr_expect_eq(s.over, 0u);
}

Test(alive, S3_a_source_that_works_again_is_not_waited_for)
{
    scene s = begin(30000);
    pass(&s, 1000, true);
    s.seen.dead = true;
    pass(&s, 100, false);
    unsigned before = s.reopened;
    recorder_alive_hurry(&s.alive, s.now_ns);
    pass(&s, 10, false);
    cr_expect_eq(s.reopened, before + 1);
}
