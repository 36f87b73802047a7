#include "rf_store_s3.h"

#include "rf_log.h"
#include "rf_store_meta.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUERY_MAX (16u << 10)
#define ORPHAN_MS (3600 * 1000LL) /* metadata this old belongs to an object, or to nothing */

typedef struct walk {
    rf_s3 *s3;
    rf_store_list_fn fn;
    void *user;
    int64_t now_ms;
} walk;

/* ---- pages ---- */

static void add_parameter(rf_buf *query, const char *name, const char *value)
{
    (void)rf_buf_printf(query, "%s%s=", query->len == 0 ? "" : "&", name);
    rf_s3_encode(query, value, false);
}

static int ask_page(rf_s3 *s3, const char *what, rf_buf *query, rf_s3_page *ret)
{
    rf_s3_answer answer;
    int err = rf_buf_error(query);
    if (err < 0) {
        return err;
    }
    const rf_s3_request request = {
        .what = what, .method = "GET", .key = "", .query = rf_buf_str(query)};
    err = rf_s3_do(s3->http, &request, &answer);
    if (err == 0) {
        err = rf_s3_page_read(answer.body.data, answer.body.len, ret);
    }
    rf_s3_answer_done(&answer);
    return err == -ENOENT ? -ENODEV : err;
}

/* The parameters stand in the order of their names, as signing wants it. */
static int ask_objects(rf_s3 *s3, const char *prefix, const char *token, rf_s3_page *ret)
{
    rf_buf query;
    rf_buf_init(&query, QUERY_MAX);
    if (token != NULL) {
        add_parameter(&query, "continuation-token", token);
    }
    add_parameter(&query, "encoding-type", "url");
    add_parameter(&query, "list-type", "2");
    add_parameter(&query, "prefix", prefix);
    int err = ask_page(s3, "list", &query, ret);
    rf_buf_done(&query);
    return err;
}

/* ---- objects ---- */

/* Whether metadata under key has lost its object: a crash left it, or a replacement. */
static bool is_orphan(const walk *w, const char *key, const rf_s3_entry *e)
{
    char last[RF_STORE_META_NAME];
    char owner[RF_STORE_MAX_KEY + 1];
    char digits[RF_S3_ID_DIGITS + 1];
    uint64_t id = 0;
    const char *slash = strrchr(key, '/');
    int n_dir = slash == NULL ? 0 : (int)(slash - key) + 1;
    if (w->now_ms - e->at_ms < ORPHAN_MS || !rf_store_meta_parse(key + n_dir, last, &id) ||
        snprintf(owner, sizeof(owner), "%.*s%s", n_dir, key, last) >= (int)sizeof(owner)) {
        return false;
    }
    rf_s3_answer answer;
    snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)id);
    int err = rf_s3_head(w->s3, owner, &answer);
    bool orphan = err == -ENOENT || (err == 0 && strncmp(answer.id, digits, RF_S3_ID_DIGITS) != 0);
    rf_s3_answer_done(&answer);
    return orphan;
}

static int visit(const walk *w, const rf_s3_entry *e)
{
    const rf_store_info info = {.size = e->size, .modified_ms = e->at_ms};
    size_t n = strlen(w->s3->config.prefix);
    if (strncmp(e->key, w->s3->config.prefix, n) != 0) {
        return 0;
    }
    const char *key = e->key + n;
    if (rf_store_key_valid(key)) {
        return w->fn(key, &info, w->user);
    }
    if (is_orphan(w, key, e)) {
        (void)rf_s3_remove(w->s3, e->key, NULL);
    }
    return 0; /* no object of ours */
}

static int visit_below(const walk *w, const char *prefix)
{
    RF_CLEANUP(rf_cleanup_free) char *token = NULL;
    bool more = true;
    int err = 0;
    while (more && err == 0) {
        rf_s3_page page = {0};
        err = ask_objects(w->s3, prefix, token, &page);
        if (err < 0) {
            return err;
        }
        for (size_t i = 0; i < page.n && err == 0; i++) {
            err = visit(w, &page.entries[i]);
        }
        more = page.is_cut;
        free(token);
        token = RF_STEAL(page.next);
        rf_s3_page_done(&page);
    }
    return err;
}

int rf_s3_list(void *store, const char *prefix, rf_store_list_fn fn, void *user)
{
    walk w = {.s3 = store, .fn = fn, .user = user, .now_ms = rf_time_wall_ms()};
    char whole[RF_S3_KEY_MAX + 1];
    rf_store_info info;
    if (prefix[0] == '\0') {
        return visit_below(&w, w.s3->config.prefix);
    }
    int err = rf_s3_stat(store, prefix, &info, NULL);
    err = err == 0 ? fn(prefix, &info, user) : (err == -ENOENT ? 0 : err);
    if (err != 0 || rf_s3_key(w.s3, prefix, whole) < 0) {
        return err;
    }
    RF_CLEANUP(rf_cleanup_free) char *below = rf_asprintf("%s/", whole);
    return visit_below(&w, below);
}

/* ---- uploads ---- */

static void abort_one(rf_s3 *s3, const rf_s3_entry *e)
{
    rf_buf query;
    rf_buf_init(&query, QUERY_MAX);
    add_parameter(&query, "uploadId", e->upload);
    (void)rf_s3_remove(s3, e->key, rf_buf_str(&query));
    rf_buf_done(&query);
}

static int ask_uploads(rf_s3 *s3, const rf_s3_page *last, rf_s3_page *ret)
{
    rf_buf query;
    rf_buf_init(&query, QUERY_MAX);
    add_parameter(&query, "encoding-type", "url");
    if (last->next != NULL) {
        add_parameter(&query, "key-marker", last->next);
    }
    add_parameter(&query, "prefix", s3->config.prefix);
    if (last->next != NULL && last->next_upload != NULL) {
        add_parameter(&query, "upload-id-marker", last->next_upload);
    }
    (void)rf_buf_append_str(&query, "&uploads=");
    int err = ask_page(s3, "uploads", &query, ret);
    rf_buf_done(&query);
    return err;
}

/* Not being allowed to look is no reason not to work: it is logged, and left to the bucket's rules.
 */
void rf_s3_abort_stale(rf_s3 *s3)
{
    rf_s3_page last = {.is_cut = true};
    int64_t before_ms = rf_time_wall_ms() - s3->config.stale_ms;
    int64_t n = 0;
    while (last.is_cut) {
        rf_s3_page page = {0};
        int err = ask_uploads(s3, &last, &page);
        rf_s3_page_done(&last);
        if (err < 0) {
            return;
        }
        for (size_t i = 0; i < page.n; i++) {
            if (page.entries[i].upload != NULL && page.entries[i].at_ms < before_ms) {
                abort_one(s3, &page.entries[i]);
                n++;
            }
        }
        last = page;
    }
    rf_s3_page_done(&last);
    if (n > 0) {
        RF_LOG_INFO("store removed unfinished objects", RF_INT("count", n));
    }
}
