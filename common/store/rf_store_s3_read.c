#include "rf_store_s3.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_BYTES ((size_t)256 << 10) /* come with the get */
#define JUMP_BYTES ((size_t)64 << 10)   /* of a read at another place than the last one's end */
#define AHEAD_BYTES ((size_t)2 << 20)   /* most that is read ahead */

/* A window into the object, moved by requests. Who reads on from its end gets a larger one. */
typedef struct s3_object {
    rf_s3 *s3;
    char whole[RF_S3_KEY_MAX + 1];
    char etag[128];
    char version[128];
    uint64_t size;
    uint64_t at; /* of the window */
    size_t len;
    size_t room;
    uint8_t *window;
} s3_object;

/* ---- metadata ---- */

/* -ENOENT: there is none under this id. */
static int read_meta(rf_s3 *s3, const char *key, const char *id, rf_buf *out)
{
    rf_s3_answer answer;
    char whole[RF_S3_KEY_MAX + 1];
    int err = rf_s3_meta_key(s3, key, id, whole);
    if (err < 0) {
        return -ENOENT;
    }
    const rf_s3_request request = {.what = "get", .method = "GET", .key = whole};
    err = rf_s3_do(s3->http, &request, &answer);
    err = err == 0 ? rf_buf_append(out, answer.body.data, answer.body.len) : err;
    rf_s3_answer_done(&answer);
    return err;
}

/* Asks for an object together with its metadata. When that is gone although the object has an id,
 * it was replaced or deleted in between; when it is still the same object, it has none. */
static int ask_with_meta(rf_s3 *s3, const char *key, rf_buf *meta, rf_s3_answer *ret,
                         int (*ask)(rf_s3 *s3, const char *key, void *user, rf_s3_answer *ret),
                         void *user)
{
    char missed[sizeof(ret->id)] = "";
    for (;;) {
        int err = ask(s3, key, user, ret);
        if (err < 0 || meta == NULL || strlen(ret->id) != RF_S3_ID_DIGITS ||
            strcmp(ret->id, missed) == 0) {
            return err;
        }
        err = read_meta(s3, key, ret->id, meta);
        if (err != -ENOENT) {
            return err;
        }
        (void)rf_copy_str(missed, sizeof(missed), ret->id);
        rf_s3_answer_done(ret);
    }
}

static int ask_head(rf_s3 *s3, const char *key, void *user, rf_s3_answer *ret)
{
    (void)user;
    return rf_s3_head(s3, key, ret);
}

int rf_s3_stat(void *store, const char *key, rf_store_info *ret, rf_buf *meta)
{
    rf_s3_answer answer;
    int err = ask_with_meta(store, key, meta, &answer, ask_head, NULL);
    if (err == 0) {
        rf_s3_info(&answer, ret);
    }
    rf_s3_answer_done(&answer);
    return err;
}

/* ---- opening ---- */

/* The beginning of the object comes with what is told about it; an empty one has none to give. */
static int ask_beginning(rf_s3 *s3, const char *key, void *user, rf_s3_answer *ret)
{
    s3_object *o = user;
    char range[32];
    snprintf(range, sizeof(range), "0-%zu", FIRST_BYTES - 1);
    const rf_s3_request request = {.what = "get",
                                   .method = "GET",
                                   .key = o->whole,
                                   .range = range,
                                   .into = o->window,
                                   .into_size = o->room};
    int err = rf_s3_do(s3->http, &request, ret);
    if (err == -ERANGE) {
        rf_s3_answer_done(ret);
        return rf_s3_head(s3, key, ret);
    }
    o->len = ret->n_into;
    return err;
}

int rf_s3_get(void *store, const char *key, rf_store_info *ret_info, rf_buf *meta,
              void **ret_object)
{
    rf_s3_answer answer;
    s3_object *o = RF_NEW(s3_object);
    o->s3 = store;
    if (rf_s3_key(o->s3, key, o->whole) < 0) {
        free(o);
        return -ENOENT;
    }
    o->room = FIRST_BYTES;
    o->window = rf_grow(NULL, o->room, 1);
    int err = ask_with_meta(o->s3, key, meta, &answer, ask_beginning, o);
    if (err == 0) {
        rf_s3_info(&answer, ret_info);
        o->size = answer.length;
        (void)rf_copy_str(o->etag, sizeof(o->etag), answer.etag);
        (void)rf_copy_str(o->version, sizeof(o->version), answer.version);
        *ret_object = o;
    } else {
        rf_s3_object_free(o);
    }
    rf_s3_answer_done(&answer);
    return err;
}

void rf_s3_object_free(void *self)
{
    s3_object *o = self;
    free(o->window);
    free(o);
}

int rf_s3_fd(const void *self)
{
    (void)self;
    return -EOPNOTSUPP;
}

/* ---- reading ---- */

/* What was replaced or deleted is still there in a bucket that keeps versions. */
static int fetch_version(const s3_object *o, rf_s3_request *request, rf_s3_answer *answer)
{
    if (o->version[0] == '\0' || strcmp(o->version, "null") == 0) {
        return -ESTALE;
    }
    rf_buf query;
    rf_buf_init(&query, 1024);
    (void)rf_buf_append_str(&query, "versionId=");
    rf_s3_encode(&query, o->version, false);
    request->query = rf_buf_str(&query);
    request->headers[0] = NULL;
    rf_s3_answer_done(answer);
    int err = rf_s3_do(o->s3->http, request, answer);
    rf_buf_done(&query);
    return err == -ENOENT ? -ESTALE : err;
}

/* Reads exactly len bytes at offset, all of them within the object. */
static int fetch(const s3_object *o, uint64_t offset, void *to, size_t len)
{
    char range[64];
    rf_s3_answer answer;
    snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, offset, offset + len - 1);
    RF_CLEANUP(rf_cleanup_free) char *match = rf_asprintf("if-match: %s", o->etag);
    rf_s3_request request = {.what = "read",
                             .method = "GET",
                             .key = o->whole,
                             .headers = {match},
                             .range = range,
                             .into = to,
                             .into_size = len};
    int err = rf_s3_do(o->s3->http, &request, &answer);
    if (err == -EEXIST || err == -ENOENT) { /* the condition fails: it is another one, or none */
        err = fetch_version(o, &request, &answer);
    }
    err = err == 0 && answer.n_into != len ? -EIO : err;
    rf_s3_answer_done(&answer);
    return err;
}

static int move_window(s3_object *o, uint64_t offset, size_t wanted)
{
    bool goes_on = offset == o->at + o->len;
    size_t room = goes_on ? RF_MIN(2 * o->room, AHEAD_BYTES) : JUMP_BYTES;
    room = (size_t)RF_MIN((uint64_t)RF_MAX(room, wanted), o->size - offset);
    o->window = rf_grow(o->window, room, 1);
    o->room = RF_MAX(room, JUMP_BYTES);
    o->len = 0;
    int err = fetch(o, offset, o->window, room);
    if (err == 0) {
        o->at = offset;
        o->len = room;
    }
    return err;
}

/* What is wanted and more than a window would hold goes straight to the reader. */
static ssize_t read_some(s3_object *o, uint64_t offset, void *data, size_t len)
{
    if (offset >= o->at && offset < o->at + o->len) {
        size_t from = (size_t)(offset - o->at);
        size_t n = RF_MIN(len, o->len - from);
        memcpy(data, o->window + from, n);
        return (ssize_t)n;
    }
    if (len >= AHEAD_BYTES) {
        int err = fetch(o, offset, data, AHEAD_BYTES);
        return err < 0 ? err : (ssize_t)AHEAD_BYTES;
    }
    int err = move_window(o, offset, len);
    return err < 0 ? err : read_some(o, offset, data, len);
}

ssize_t rf_s3_read(void *self, uint64_t offset, void *data, size_t len)
{
    s3_object *o = self;
    size_t done = 0;
    while (done < len) {
        ssize_t n = read_some(o, offset + done, (char *)data + done, len - done);
        if (n < 0) {
            return n;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}
