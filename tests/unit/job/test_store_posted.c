/*
 * Workflows that applications post, in the store (spec jobs.md section 6, S7): versions, who sees
 * them, what becomes of them. The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

static fixture f;
static char other[RF_UUID_LEN];

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    fixture_application(&f, "other", other);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(posted, .init = set_up, .fini = tear_down);

/* A posted workflow as the tests see it. */
typedef struct seen {
    int err;
    char id[RF_UUID_LEN];
    char document[64];
    int64_t version;
    int64_t created_ms;
    int64_t updated_ms;
} seen;

static seen see(int err, const job_posted *p)
{
    seen s = {.err = err};
    if (err == 0) {
        rf_copy_str(s.id, sizeof(s.id), p->id);
        rf_copy_str(s.document, sizeof(s.document), p->document);
        s.version = p->version;
        s.created_ms = p->created_ms;
        s.updated_ms = p->updated_ms;
    }
    return s;
}

static seen put(const char *app, const char *slug, const char *document, bool replace)
{
    job_op_posted_put *op = JOB_OP_NEW(JOB_OP_POSTED_PUT, job_op_posted_put, NULL, NULL);
    op->app = app;
    op->slug = slug;
    op->document = document;
    op->replace = replace;
    int err = fixture_run(&f, &op->op);
    seen s = see(err, &op->posted);
    job_op_free(&op->op);
    return s;
}

static seen find(const char *app, const char *name)
{
    job_op_posted_find *op = JOB_OP_NEW(JOB_OP_POSTED_FIND, job_op_posted_find, NULL, NULL);
    op->app = app;
    op->name = name;
    int err = fixture_run(&f, &op->op);
    seen s = see(err, &op->posted);
    job_op_free(&op->op);
    return s;
}

static int drop(const char *app, const char *id)
{
    job_op_posted_delete *op = JOB_OP_NEW(JOB_OP_POSTED_DELETE, job_op_posted_delete, NULL, NULL);
    op->app = app;
    op->id = id;
    int err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return err;
}

Test(posted, a_document_is_found_by_slug_and_by_id)
{
    seen made = put(f.app, "acme/a", "{\"v\":1}", false);
    cr_assert_eq(made.err, 0);
    cr_assert(rf_uuid4_valid(made.id));
    cr_assert_eq(made.created_ms, rf_time_wall_ms());
    seen by_slug = find(f.app, "acme/a");
    seen by_id = find(f.app, made.id);
    cr_assert_str_eq(by_slug.document, "{\"v\":1}");
    cr_assert_eq(memcmp(&by_slug, &by_id, sizeof(seen)), 0);
    cr_assert_eq(memcmp(&by_slug, &made, sizeof(seen)), 0);
}

Test(posted, an_equal_document_changes_nothing)
{
    seen made = put(f.app, "a", "{\"v\":1}", false);
    fixture_advance(1000);
    seen again = put(f.app, "a", "{\"v\":1}", false);
    cr_assert_eq(memcmp(&again, &made, sizeof(seen)), 0);
    again = put(f.app, "a", "{\"v\":1}", true);
    cr_assert_eq(memcmp(&again, &made, sizeof(seen)), 0);
}

Test(posted, a_different_document_is_refused_unless_it_is_to_replace)
{
    seen made = put(f.app, "a", "{\"v\":1}", false);
    fixture_advance(1000);
    cr_assert_eq(put(f.app, "a", "{\"v\":2}", false).err, -EEXIST);
    cr_assert_eq(find(f.app, "a").version, made.version);
    seen replaced = put(f.app, "a", "{\"v\":2}", true);
    cr_assert_eq(replaced.err, 0);
    cr_assert_str_eq(replaced.id, made.id);
    cr_assert_gt(replaced.version, made.version);
    cr_assert_eq(replaced.created_ms, made.created_ms);
    cr_assert_eq(replaced.updated_ms, made.updated_ms + 1000);
    cr_assert_str_eq(find(f.app, "a").document, "{\"v\":2}");
}

Test(posted, s7_applications_have_slugs_of_their_own)
{
    seen mine = put(f.app, "a", "{\"v\":1}", false);
    seen theirs = put(other, "a", "{\"v\":2}", false);
    cr_assert_eq(theirs.err, 0);
    cr_assert_str_neq(theirs.id, mine.id);
    cr_assert_str_eq(find(f.app, "a").document, "{\"v\":1}");
    cr_assert_eq(find(f.app, theirs.id).err, -ENOENT);
    cr_assert_eq(drop(f.app, theirs.id), -ENOENT);
    cr_assert_eq(find(other, "a").err, 0);
    cr_assert_eq(put("nobody", "a", "{}", false).err, -ENOENT);
}

Test(posted, a_deleted_one_is_gone_and_its_slug_is_free)
{
    seen made = put(f.app, "a", "{\"v\":1}", false);
    cr_assert_eq(drop(f.app, made.id), 0);
    cr_assert_eq(drop(f.app, made.id), -ENOENT);
    cr_assert_eq(find(f.app, "a").err, -ENOENT);
    seen next = put(f.app, "a", "{\"v\":1}", false);
    cr_assert_str_neq(next.id, made.id, "ids are never used again");
    cr_assert_gt(next.version, made.version);
}

Test(posted, a_job_keeps_the_version_that_it_was_accepted_with)
{
    char id[RF_UUID_LEN];
    seen made = put(f.app, "a", "{\"v\":1}", false);
    job_op_create *op = fixture_request(&f);
    op->workflow = "a";
    op->workflow_version = made.version;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    cr_assert_eq(put(f.app, "a", "{\"v\":2}", true).err, 0);
    cr_assert_eq(drop(f.app, made.id), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_str_eq(claim->claims[0].document, "{\"v\":1}");
    rf_copy_str(id, sizeof(id), claim->claims[0].id);
    job_op_free(&claim->op);
    job_op_get *get = fixture_get(&f, id);
    cr_assert_str_eq(get->job.workflow, "a");
    job_op_free(&get->op);
}

Test(posted, lists_go_by_slug_in_pages)
{
    static const char *const slugs[] = {"c", "a", "d", "b"};
    for (size_t i = 0; i < RF_ARRAY_LEN(slugs); i++) {
        cr_assert_eq(put(f.app, slugs[i], "{}", false).err, 0);
    }
    cr_assert_eq(put(other, "aa", "{}", false).err, 0);
    job_op_posted_list *op = JOB_OP_NEW(JOB_OP_POSTED_LIST, job_op_posted_list, NULL, NULL);
    op->app = f.app;
    op->offset = 1;
    op->limit = 2;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->n_list, 2);
    cr_assert_str_eq(op->list[0].slug, "b");
    cr_assert_str_eq(op->list[1].slug, "c");
    job_op_free(&op->op);
}

Test(posted, an_application_has_so_many_at_most)
{
    for (int i = 0; i < JOB_POSTED_MAX; i++) {
        char slug[16];
        snprintf(slug, sizeof(slug), "w-%d", i);
        cr_assert_eq(put(f.app, slug, "{}", false).err, 0);
    }
    cr_assert_eq(put(f.app, "one-more", "{}", false).err, -EDQUOT);
    cr_assert_eq(put(f.app, "w-7", "{\"v\":2}", true).err, 0, "a new version is no new workflow");
    cr_assert_eq(put(other, "one-more", "{}", false).err, 0);
}
