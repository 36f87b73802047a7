/*
 * Applications and their keys in the store: one that is active, two while it is rotated (spec
 * jobs.md, the head of it, and S9). The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

#define OVERLAP_MS FIXTURE_HOUR_MS

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(keys, .init = set_up, .fini = tear_down);

/* A key as the tests see it: its hash is filled with one byte. */
typedef struct made {
    int err;
    char id[RF_UUID_LEN];
    char app[RF_UUID_LEN];
    int64_t created_ms;
    uint32_t rate;
    uint32_t burst;
} made;

static void hash_of(uint8_t byte, uint8_t hash[RF_SHA256_LEN])
{
    memset(hash, byte, RF_SHA256_LEN);
}

static made take(int err, const job_key *key)
{
    made m = {.err = err};
    if (err == 0) {
        rf_copy_str(m.id, sizeof(m.id), key->id);
        rf_copy_str(m.app, sizeof(m.app), key->app);
        m.created_ms = key->created_ms;
        m.rate = key->rate;
        m.burst = key->burst;
    }
    return m;
}

static made create(const char *app_name, uint8_t byte)
{
    job_op_key_create *op = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    op->app_name = app_name;
    op->prefix = "rk_made";
    op->rate = 7;
    op->burst = 9;
    op->scopes = "recorder.device";
    hash_of(byte, op->hash);
    made m = take(fixture_run(&f, &op->op), &op->key);
    job_op_free(&op->op);
    return m;
}

static made rotate(const char *id, uint8_t byte, int64_t overlap_ms)
{
    job_op_key_rotate *op = JOB_OP_NEW(JOB_OP_KEY_ROTATE, job_op_key_rotate, NULL, NULL);
    op->id = id;
    op->prefix = "rk_next";
    op->overlap_ms = overlap_ms;
    hash_of(byte, op->hash);
    made m = take(fixture_run(&f, &op->op), &op->key);
    job_op_free(&op->op);
    return m;
}

static int revoke(const char *id, int64_t *ret_revoked_ms)
{
    job_op_key_revoke *op = JOB_OP_NEW(JOB_OP_KEY_REVOKE, job_op_key_revoke, NULL, NULL);
    op->id = id;
    int err = fixture_run(&f, &op->op);
    *ret_revoked_ms = op->key.revoked_ms;
    job_op_free(&op->op);
    return err;
}

/* Whether a key works: the same question that the gateway asks. */
static bool works(uint8_t byte)
{
    job_op_key_find *op = JOB_OP_NEW(JOB_OP_KEY_FIND, job_op_key_find, NULL, NULL);
    hash_of(byte, op->hash);
    int err = fixture_run(&f, &op->op);
    cr_assert(err == 0 || err == -ENOENT);
    job_op_free(&op->op);
    return err == 0;
}

static size_t count(void)
{
    job_op_key_list *op = JOB_OP_NEW(JOB_OP_KEY_LIST, job_op_key_list, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    size_t n = op->n_keys;
    job_op_free(&op->op);
    return n;
}

/* ---- making ---- */

Test(keys, a_key_belongs_to_the_application_it_was_made_for)
{
    made m = create("acme", 1);
    cr_assert_eq(m.err, 0);
    cr_assert_eq(m.created_ms, rf_time_wall_ms());
    cr_assert_eq(m.rate, 7);
    cr_assert_eq(m.burst, 9);
    cr_assert_str_neq(m.app, f.app);
    cr_assert_eq(m.id[14], '4', "Q2, G4: UUIDv4");
    cr_assert_eq(m.app[14], '4', "Q2, G4: UUIDv4");
    job_op_key_find *op = JOB_OP_NEW(JOB_OP_KEY_FIND, job_op_key_find, NULL, NULL);
    hash_of(1, op->hash);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_str_eq(op->key.id, m.id);
    cr_assert_str_eq(op->key.app, m.app);
    cr_assert_str_eq(op->key.app_name, "acme");
    cr_assert_str_eq(op->key.scopes, "recorder.device");
    cr_assert_str_eq(op->key.prefix, "rk_made");
    cr_assert_eq(op->key.revoked_ms, 0);
    job_op_free(&op->op);
}

Test(keys, an_application_has_one_active_key)
{
    made m = create("acme", 1);
    cr_assert_eq(m.err, 0);
    cr_assert_eq(create("acme", 2).err, -EEXIST);
    cr_assert_not(works(2), "what was refused left nothing");
    cr_assert_eq(create("Acme", 3).err, 0, "names are exact");
    cr_assert_eq(count(), 3);
}

Test(keys, an_application_keeps_its_id_when_its_keys_change)
{
    int64_t revoked_ms;
    made first = create("acme", 1);
    cr_assert_eq(revoke(first.id, &revoked_ms), 0);
    made second = create("acme", 2);
    cr_assert_eq(second.err, 0);
    cr_assert_str_eq(second.app, first.app);
    cr_assert_str_neq(second.id, first.id);
    cr_assert_not(works(1));
    cr_assert(works(2));
}

Test(keys, no_two_keys_have_one_hash)
{
    cr_assert_eq(create("acme", 1).err, 0);
    cr_assert_lt(create("other", 1).err, 0);
    cr_assert_eq(count(), 2);
}

/* ---- revoking ---- */

Test(keys, a_revoked_key_stops_at_once_and_stays_so)
{
    int64_t first_ms;
    int64_t second_ms;
    made m = create("acme", 1);
    cr_assert_eq(revoke(m.id, &first_ms), 0);
    cr_assert_eq(first_ms, rf_time_wall_ms());
    cr_assert_not(works(1));
    fixture_advance(1000);
    cr_assert_eq(revoke(m.id, &second_ms), 0, "once more changes nothing");
    cr_assert_eq(second_ms, first_ms);
    fixture_reopen(&f);
    cr_assert_not(works(1));
}

Test(keys, unknown_keys_are_not_found)
{
    static const char *const wrong[] = {"", "none", "00000000-0000-4000-8000-000000000000",
                                        "' OR 1=1 --"};
    int64_t revoked_ms;
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        cr_assert_eq(revoke(wrong[i], &revoked_ms), -ENOENT, "%s", wrong[i]);
        cr_assert_eq(rotate(wrong[i], 9, 0).err, -ENOENT, "%s", wrong[i]);
    }
    cr_assert_not(works(0));
    cr_assert_eq(count(), 1);
}

/* ---- rotation ---- */

Test(keys, a_rotated_key_works_for_its_grace_and_not_a_moment_longer)
{
    made old = create("acme", 1);
    fixture_advance(1000);
    made new = rotate(old.id, 2, OVERLAP_MS);
    cr_assert_eq(new.err, 0);
    cr_assert_str_eq(new.app, old.app);
    cr_assert_eq(new.rate, 7, "the limits go over to the successor");
    cr_assert_eq(new.burst, 9);
    cr_assert(works(1) && works(2));
    fixture_advance(OVERLAP_MS - 1);
    cr_assert(works(1) && works(2));
    fixture_reopen(&f);
    cr_assert(works(1));
    fixture_advance(1);
    cr_assert_not(works(1));
    cr_assert(works(2));
}

Test(keys, a_rotation_without_grace_ends_the_old_key_at_once)
{
    made old = create("acme", 1);
    cr_assert_eq(rotate(old.id, 2, 0).err, 0);
    cr_assert_not(works(1));
    cr_assert(works(2));
}

Test(keys, one_rotation_at_a_time)
{
    made first = create("acme", 1);
    made second = rotate(first.id, 2, OVERLAP_MS);
    cr_assert_eq(rotate(first.id, 3, OVERLAP_MS).err, -EEXIST, "it is being rotated out");
    cr_assert_eq(rotate(second.id, 3, OVERLAP_MS).err, -EEXIST, "that would make three");
    cr_assert_eq(create("acme", 3).err, -EEXIST);
    cr_assert_not(works(3));
    fixture_advance(OVERLAP_MS);
    cr_assert_eq(rotate(second.id, 3, OVERLAP_MS).err, 0);
    cr_assert_eq(rotate(first.id, 4, OVERLAP_MS).err, -ENOENT, "its time is over");
    cr_assert(!works(1) && works(2) && works(3));
}

Test(keys, revoking_the_old_key_ends_a_rotation)
{
    int64_t revoked_ms;
    made old = create("acme", 1);
    made new = rotate(old.id, 2, OVERLAP_MS);
    cr_assert_eq(revoke(old.id, &revoked_ms), 0);
    cr_assert_eq(revoked_ms, rf_time_wall_ms());
    cr_assert_not(works(1));
    cr_assert_eq(rotate(new.id, 3, OVERLAP_MS).err, 0);
}

Test(keys, a_successor_that_leaked_is_replaced_while_the_old_key_still_works)
{
    int64_t revoked_ms;
    made old = create("acme", 1);
    made leaked = rotate(old.id, 2, OVERLAP_MS);
    cr_assert_eq(revoke(leaked.id, &revoked_ms), 0);
    cr_assert_eq(create("acme", 3).err, 0, "none is active");
    cr_assert(works(1) && !works(2) && works(3));
    cr_assert_eq(create("acme", 4).err, -EEXIST);
    fixture_advance(OVERLAP_MS);
    cr_assert(!works(1) && works(3));
}

Test(keys, at_most_two_keys_of_an_application_work_whatever_is_done)
{
    made keys[64];
    size_t n = 1;
    keys[0] = create("acme", 1);
    for (unsigned i = 0; i < 200; i++) {
        int64_t revoked_ms;
        made next = {.err = -1};
        const made *one = &keys[i % 3 == 0 ? (i * 7) % n : n - 1];
        fixture_advance((int64_t)(i % 5) * OVERLAP_MS / 8);
        if (i % 4 == 0) {
            next = create("acme", (uint8_t)(n + 1));
        } else if (i % 4 == 3) {
            (void)revoke(one->id, &revoked_ms);
        } else {
            next = rotate(one->id, (uint8_t)(n + 1), OVERLAP_MS);
        }
        if (next.err == 0 && n < RF_ARRAY_LEN(keys)) {
            keys[n++] = next;
        }
        size_t n_working = 0;
        for (size_t k = 0; k < n; k++) {
            n_working += works((uint8_t)(k + 1));
        }
        cr_assert_leq(n_working, 2, "step %u", i);
        if (n == RF_ARRAY_LEN(keys)) {
            break;
        }
    }
    cr_assert_gt(n, 10);
}

/* ---- listing ---- */

Test(keys, lists_are_by_application_then_age_and_hold_ended_keys)
{
    static const struct {
        const char *app;
        const char *prefix;
        bool ended;
    } wanted[] = {
        {"acme", "rk_made", true}, {"acme", "rk_next", false}, {"fixture", "rk_test", false}};
    made old = create("acme", 1);
    fixture_advance(10);
    rotate(old.id, 2, OVERLAP_MS);
    job_op_key_list *op = JOB_OP_NEW(JOB_OP_KEY_LIST, job_op_key_list, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->n_keys, RF_ARRAY_LEN(wanted));
    for (size_t i = 0; i < op->n_keys; i++) {
        cr_assert_str_eq(op->keys[i].app_name, wanted[i].app);
        cr_assert_str_eq(op->keys[i].prefix, wanted[i].prefix);
        cr_assert_eq(op->keys[i].revoked_ms != 0, wanted[i].ended, "row %zu", i);
    }
    cr_assert_eq(op->keys[0].revoked_ms, rf_time_wall_ms() + OVERLAP_MS);
    job_op_free(&op->op);
}

Test(keys, an_application_is_found_by_its_id_alone)
{
    made m = create("acme", 1);
    const char *const ids[] = {m.app, "acme", m.id, ""};
    for (size_t i = 0; i < RF_ARRAY_LEN(ids); i++) {
        job_op_application_get *op =
            JOB_OP_NEW(JOB_OP_APPLICATION_GET, job_op_application_get, NULL, NULL);
        op->app = ids[i];
        cr_assert_eq(fixture_run(&f, &op->op), i == 0 ? 0 : -ENOENT, "%s", ids[i]);
        cr_assert(i != 0 || strcmp(op->name, "acme") == 0);
        job_op_free(&op->op);
    }
}
