/*
 * The workflows of a service: directories of documents, the rules that stop a start (spec jobs.md
 * section 6: "naming file and key"), how they are ordered and kept, and the limits of one document.
 */
#include "job_fixture.h"
#include "job_registry.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rf_file.h"
#include "rf_time.h"

#define SHIPPED "services/processor"

static fixture f;
static char shipped_dir[96];
static char extra_dir[96];
static char modules_file[128];
static rf_buf error;
static job_registry *registry;

static const char modules[] =
    "{\"modules\":["
    "{\"name\":\"copy\",\"in\":{\"url\":{\"type\":\"url\",\"required\":true}},"
    " \"out\":{\"file\":{\"type\":\"file\"},\"text\":{\"type\":\"string\"}}},"
    "{\"name\":\"join\",\"in\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}},"
    " \"out\":{\"text\":{\"type\":\"string\"}}}]}";

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    rf_buf_init(&error, 4096);
    snprintf(shipped_dir, sizeof(shipped_dir), "%s/shipped", f.dir);
    snprintf(extra_dir, sizeof(extra_dir), "%s/extra", f.dir);
    snprintf(modules_file, sizeof(modules_file), "%s/modules.json", f.dir);
    cr_assert_eq(mkdir(shipped_dir, 0700), 0);
    cr_assert_eq(mkdir(extra_dir, 0700), 0);
    cr_assert_eq(rf_file_write_atomic(modules_file, modules, strlen(modules), 0600), 0);
}

static void tear_down(void)
{
    registry = job_registry_free(registry);
    rf_buf_done(&error);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s' '%s' '%s'", shipped_dir, extra_dir, modules_file);
    cr_assert_eq(system(command), 0);
    fixture_close(&f);
}

TestSuite(registry, .init = set_up, .fini = tear_down);

static void put(const char *dir, const char *name, const char *text)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, name);
    cr_assert_eq(rf_file_write_atomic(path, text, strlen(text), 0600), 0);
}

/* A good document of a slug; note makes it differ from others of the same slug. */
static void put_good(const char *dir, const char *file, const char *slug, const char *note)
{
    RF_CLEANUP(rf_cleanup_free)
    char *text =
        rf_asprintf("{\"slug\":\"%s\",\"name\":\"N\",\"description\":\"%s\",\"pool\":\"cpu\","
                    "\"inputs\":{\"file\":{\"type\":\"url\",\"required\":true}},"
                    "\"modules\":[{\"id\":\"c\",\"use\":\"copy\",\"in\":{\"url\":\"$file\"}}],"
                    "\"outputs\":{\"file\":{\"from\":\"c.file\",\"format\":\"auto\"}}}",
                    slug, note);
    put(dir, file, text);
}

static int load(void)
{
    registry = job_registry_free(registry);
    rf_buf_clear(&error);
    return job_registry_load(modules_file, shipped_dir, extra_dir, f.store, &error, &registry);
}

/* ---- order and identity ---- */

Test(registry, shipped_workflows_come_first_each_sorted_by_slug)
{
    static const char *const wanted[] = {"a/second", "b", "z", "a/first", "c"};
    put_good(shipped_dir, "1.json", "z", "");
    put_good(shipped_dir, "2.json", "a/second", "");
    put_good(shipped_dir, "3.json", "b", "");
    put_good(extra_dir, "1.json", "c", "");
    put_good(extra_dir, "2.json", "a/first", "");
    cr_assert_eq(load(), 0, "%s", rf_buf_str(&error));
    cr_assert_eq(job_registry_count(registry), RF_ARRAY_LEN(wanted));
    cr_assert_eq(job_registry_shipped(registry), 3);
    for (size_t i = 0; i < RF_ARRAY_LEN(wanted); i++) {
        const job_workflow *w = job_registry_at(registry, i);
        cr_assert_str_eq(job_workflow_slug(w), wanted[i]);
        cr_assert_eq(job_registry_find(registry, wanted[i]), w);
        cr_assert_eq(job_registry_find_id(registry, job_registry_row(w)->id), w);
    }
    cr_assert_null(job_registry_find(registry, "a"));
    cr_assert_null(job_registry_find(registry, ""));
    cr_assert_null(job_registry_find_id(registry, "b"));
}

Test(registry, a_workflow_keeps_its_id_over_restarts_and_gets_a_version_when_it_changes)
{
    job_workflow_row first;
    put_good(shipped_dir, "a.json", "a", "one");
    cr_assert_eq(load(), 0);
    first = *job_registry_row(job_registry_at(registry, 0));
    cr_assert_eq(first.created_ms, rf_time_wall_ms());
    fixture_advance(5000);
    fixture_reopen(&f);
    cr_assert_eq(load(), 0);
    const job_workflow_row *same = job_registry_row(job_registry_at(registry, 0));
    cr_assert_str_eq(same->id, first.id);
    cr_assert_eq(same->version, first.version);
    cr_assert_eq(same->updated_ms, first.updated_ms);
    put_good(shipped_dir, "a.json", "a", "two");
    cr_assert_eq(load(), 0);
    const job_workflow_row *changed = job_registry_row(job_registry_at(registry, 0));
    cr_assert_str_eq(changed->id, first.id);
    cr_assert_gt(changed->version, first.version);
    cr_assert_eq(changed->created_ms, first.created_ms);
    cr_assert_eq(changed->updated_ms, rf_time_wall_ms());
}

Test(registry, other_files_of_a_directory_are_left_alone)
{
    put_good(shipped_dir, "good.json", "good", "");
    put(shipped_dir, "README.md", "no document");
    put(shipped_dir, ".hidden.json", "no document");
    put(shipped_dir, "backup.json~", "no document");
    put(shipped_dir, ".json", "no document");
    cr_assert_eq(load(), 0, "%s", rf_buf_str(&error));
    cr_assert_eq(job_registry_count(registry), 1);
}

/* ---- what stops a start ---- */

Test(registry, a_bad_document_is_named_with_its_file_and_key)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"", "line 1"},
        {"{\"slug\":\"x\"}", "'name'"},
        {"{\"slug\":\"X\"}", "'slug'"},
        {"[1]", "not an object"},
        {"{\"slug\":\"x\",\"name\":\"N\",\"description\":\"\",\"pool\":\"moon\"}", "'pool'"},
    };
    put_good(shipped_dir, "a-good.json", "good", "");
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        put(shipped_dir, "bad.json", rows[i].text);
        cr_assert_eq(load(), -EBADMSG, "row %zu", i);
        cr_assert_null(registry);
        cr_assert_not_null(strstr(rf_buf_str(&error), "/bad.json: "), "%s", rf_buf_str(&error));
        cr_assert_not_null(strstr(rf_buf_str(&error), rows[i].says), "%s", rf_buf_str(&error));
    }
}

Test(registry, a_slug_is_used_once_in_both_directories_together)
{
    put_good(shipped_dir, "1.json", "same", "");
    put_good(extra_dir, "2.json", "same", "");
    cr_assert_eq(load(), -EEXIST);
    cr_assert_not_null(strstr(rf_buf_str(&error), "2.json: key 'slug': 'same'"), "%s",
                       rf_buf_str(&error));
}

Test(registry, a_shipped_workflow_makes_a_file_and_an_operators_may_do_without)
{
    static const char text[] =
        "{\"slug\":\"text\",\"name\":\"N\",\"description\":\"\",\"pool\":\"cpu\",\"inputs\":{},"
        "\"modules\":[{\"id\":\"j\",\"use\":\"join\"}],"
        "\"outputs\":{\"t\":{\"from\":\"j.text\",\"format\":\"string\"}}}";
    put(extra_dir, "text.json", text);
    cr_assert_eq(load(), 0, "%s", rf_buf_str(&error));
    put(shipped_dir, "text.json", text);
    cr_assert_eq(load(), -EBADMSG, "Q4: the SDKs' downloads want a file");
    cr_assert_not_null(strstr(rf_buf_str(&error), "at least one must be a file"));
}

Test(registry, what_is_missing_is_named)
{
    job_registry *none = NULL;
    static const struct {
        const char *modules;
        const char *shipped;
        const char *extra;
    } rows[] = {{"/nonexistent/modules.json", NULL, NULL},
                {NULL, "/nonexistent/shipped", NULL},
                {NULL, NULL, "/nonexistent/extra"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf_clear(&error);
        int err = job_registry_load(rows[i].modules != NULL ? rows[i].modules : modules_file,
                                    rows[i].shipped != NULL ? rows[i].shipped : shipped_dir,
                                    rows[i].extra, f.store, &error, &none);
        cr_assert_eq(err, -ENOENT, "row %zu: %d", i, err);
        cr_assert_not_null(strstr(rf_buf_str(&error), "/nonexistent/"), "%s", rf_buf_str(&error));
    }
    cr_assert_null(none);
    cr_assert_eq(job_registry_load(modules_file, shipped_dir, "", f.store, &error, &registry), 0,
                 "no directory of the operator");
}

/* ---- what this project ships ---- */

Test(registry, q4_every_shipped_document_is_good_and_makes_a_file)
{
    const char *source = getenv("REFLECTION_SOURCE");
    cr_assert_not_null(source);
    RF_CLEANUP(rf_cleanup_free)
    char *catalogue = rf_asprintf("%s/" SHIPPED "/modules.json", source);
    RF_CLEANUP(rf_cleanup_free) char *documents = rf_asprintf("%s/" SHIPPED "/workflows", source);
    cr_assert_eq(job_registry_load(catalogue, documents, NULL, f.store, &error, &registry), 0, "%s",
                 rf_buf_str(&error));
    static const struct {
        const char *slug;
        uint32_t limit_s; /* spec jobs.md section 6 */
        const char *output;
    } rows[] = {
        {"music-ai/generate-chords", 600, "chords"},
        {"music-ai/extract-beat-map-and-bpm", 600, "beatMap"},
        {"music-ai/stems-vocals-accompaniment", 1800, "vocals"},
        {"music-ai/isolate-drums", 1800, "Kick drum"},
        {"music-ai/music-analysis", 900, "sectionsMap"},
        {"reflection/convert", 600, "output"},
        {"reflection/jam", 1200, "audio"},
        {"sdk-test", 60, "file"},
    };
    cr_assert_eq(job_registry_count(registry), RF_ARRAY_LEN(rows));
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        const job_workflow *w = job_registry_find(registry, rows[i].slug);
        cr_assert_not_null(w, "%s", rows[i].slug);
        cr_assert_eq(job_workflow_limit_s(w), rows[i].limit_s, "%s", rows[i].slug);
        cr_assert(job_workflow_has_output(w, rows[i].output), "%s", rows[i].slug);
        cr_assert_eq(job_workflow_pool(w), JOB_POOL_CPU, "%s", rows[i].slug);
    }
}

/* ---- limits of one document ---- */

/* A document with so many modules, inputs and outputs. */
static char *sized(size_t n_modules, size_t n_inputs, size_t n_outputs)
{
    rf_buf text;
    rf_buf_init(&text, 1 << 20);
    rf_buf_append_str(&text, "{\"slug\":\"sized\",\"name\":\"N\",\"description\":\"\","
                             "\"pool\":\"cpu\",\"inputs\":{");
    for (size_t i = 0; i < n_inputs; i++) {
        rf_buf_printf(&text, "%s\"i%zu\":{\"type\":\"url\",\"required\":true}", i > 0 ? "," : "",
                      i);
    }
    rf_buf_append_str(&text, "},\"modules\":[");
    for (size_t i = 0; i < n_modules; i++) {
        rf_buf_printf(&text, "%s{\"id\":\"m%zu\",\"use\":\"copy\",\"in\":{\"url\":\"$i0\"}}",
                      i > 0 ? "," : "", i);
    }
    rf_buf_append_str(&text, "],\"outputs\":{");
    for (size_t i = 0; i < n_outputs; i++) {
        rf_buf_printf(&text, "%s\"o%zu\":{\"from\":\"m0.file\",\"format\":\"auto\"}",
                      i > 0 ? "," : "", i);
    }
    rf_buf_append_str(&text, "}}");
    char *copy = rf_strdup(rf_buf_str(&text));
    rf_buf_done(&text);
    return copy;
}

Test(registry, a_document_has_at_most_64_modules_32_inputs_and_32_outputs)
{
    static const struct {
        size_t modules;
        size_t inputs;
        size_t outputs;
        const char *says; /* NULL: fine */
    } rows[] = {
        {1, 1, 1, NULL},        {64, 1, 1, NULL},       {1, 32, 1, NULL},
        {1, 1, 32, NULL},       {64, 32, 32, NULL},     {65, 1, 1, "'modules'"},
        {0, 1, 1, "'modules'"}, {1, 33, 1, "'inputs'"}, {1, 1, 33, "'outputs'"},
        {1, 1, 0, "'outputs'"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *text = sized(rows[i].modules, rows[i].inputs, rows[i].outputs);
        put(shipped_dir, "sized.json", text);
        int err = load();
        cr_assert_eq(err, rows[i].says == NULL ? 0 : -EBADMSG, "row %zu: %s", i,
                     rf_buf_str(&error));
        cr_assert(rows[i].says == NULL || strstr(rf_buf_str(&error), rows[i].says) != NULL,
                  "row %zu: %s", i, rf_buf_str(&error));
    }
}

Test(registry, a_file_above_64_kib_is_refused_by_its_size)
{
    RF_CLEANUP(rf_cleanup_free) char *text = rf_alloc(JOB_DOCUMENT_MAX + 2);
    memset(text, ' ', JOB_DOCUMENT_MAX + 1);
    put(shipped_dir, "large.json", text);
    cr_assert_lt(load(), 0);
    cr_assert_not_null(strstr(rf_buf_str(&error), "larger than 65536 bytes"), "%s",
                       rf_buf_str(&error));
}
