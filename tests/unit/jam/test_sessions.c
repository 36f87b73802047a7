/* A session from its start to its end. */
#include "world.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>

static world w;

static void open_world(void)
{
    rf_time_drive();
    world_open(&w, NULL);
}

static void close_world(void)
{
    world_close(&w);
}

TestSuite(sessions, .init = open_world, .fini = close_world, .timeout = 60);

Test(sessions, a_start_is_answered_and_the_first_chunk_leaves_at_once)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"seed\":7}");
    world_settle(&w);
    json_t *started = world_nth(c, "started", 0);
    cr_assert_eq(strlen(world_str(started, "session_id")), 26);
    cr_assert_eq(strlen(world_str(started, "resume_token")), 22);
    cr_assert_eq(json_integer_value(json_object_get(started, "seed")), 7);
    cr_assert_eq(json_integer_value(json_object_get(started, "next_index")), 0);
    cr_assert_eq(world_n_chunks(c), 1);
    cr_assert_eq(world_meta_i64(c, 0, "index"), 0);
    cr_assert_eq(world_meta_i64(c, 0, "start_sample"), 0);
    cr_assert_eq(world_chunk(c, 0)->file_len, 783418u);
}
