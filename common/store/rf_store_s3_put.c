#include "rf_store_s3.h"

#include "rf_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PART_BYTES (8u << 20) /* S3 wants 5 MiB at least */
#define PART_GROWTH 2000      /* parts; then they double: 10,000 hold 496 GB */
#define PARTS_MAX 10000       /* of S3 itself */
#define LIST_MAX (2u << 20)   /* bytes of XML that names 10,000 parts */
#define VANISHED_TRIES 20
#define ID_HEADER "x-amz-meta-reflection: "

/*
 * Bytes are gathered to a part. What fits into the first one becomes an object by one request, else
 * a multipart upload begins and the commit completes it. An object with metadata is always such an
 * upload: it is completed once, whereas a request that is repeated could bring an object back whose
 * replacement has taken its metadata along.
 */
typedef struct s3_put {
    rf_s3 *s3;
    char key[RF_STORE_MAX_KEY + 1];
    char whole[RF_S3_KEY_MAX + 1];
    char id[RF_S3_ID_DIGITS + 1];
    unsigned flags;
    rf_buf part;
    char *upload; /* id, encoded; NULL before the first part */
    char (*etags)[64];
    size_t n_parts;
    bool is_committed;
} s3_put;

static size_t part_size(const s3_put *put)
{
    return (size_t)PART_BYTES << put->n_parts / PART_GROWTH;
}

/* Never NULL, which would be no body at all. */
static const void *bytes_of(const s3_put *put)
{
    return put->part.len > 0 ? (const char *)put->part.data : "";
}

/* ---- life ---- */

int rf_s3_put_open(void *store, const char *key, unsigned flags, void **ret_put)
{
    uint64_t id = rf_random_u64(0);
    s3_put *put = RF_NEW(s3_put);
    put->s3 = store;
    put->flags = flags;
    rf_copy_str(put->key, sizeof(put->key), key);
    rf_hex(&id, sizeof(id), put->id);
    rf_buf_init(&put->part, (size_t)PART_BYTES << PARTS_MAX / PART_GROWTH);
    int err = rf_s3_key(put->s3, key, put->whole);
    if (err < 0) {
        rf_s3_put_free(put);
        return err;
    }
    *ret_put = put;
    return 0;
}

void rf_s3_put_free(void *self)
{
    s3_put *put = self;
    if (put->upload != NULL && !put->is_committed) {
        RF_CLEANUP(rf_cleanup_free) char *query = rf_asprintf("uploadId=%s", put->upload);
        (void)rf_s3_remove(put->s3, put->whole, query); /* logged; else it is stale one day */
    }
    rf_buf_done(&put->part);
    free(put->upload);
    free(put->etags);
    free(put);
}

/* ---- parts ---- */

static int on_begun(const char *parent, const char *name, const char *text, void *user)
{
    char **upload = user;
    if (strcmp(parent, "InitiateMultipartUploadResult") == 0 && strcmp(name, "UploadId") == 0) {
        rf_buf encoded;
        rf_buf_init(&encoded, RF_STORE_MAX_META);
        rf_s3_encode(&encoded, text, false);
        free(*upload);
        *upload = rf_buf_steal(&encoded);
    }
    return 0;
}

static int begin_upload(s3_put *put)
{
    rf_s3_answer answer;
    RF_CLEANUP(rf_cleanup_free) char *id = rf_asprintf(ID_HEADER "%s", put->id);
    const rf_s3_request request = {.what = "put",
                                   .method = "POST",
                                   .key = put->whole,
                                   .query = "uploads=",
                                   .headers = {id},
                                   .body = ""};
    int err = rf_s3_do(put->s3->http, &request, &answer);
    if (err == 0) {
        err = rf_s3_xml_read(answer.body.data, answer.body.len, on_begun, &put->upload);
        err = err == 0 && put->upload != NULL ? 0 : -EPROTO;
    }
    rf_s3_answer_done(&answer);
    return err;
}

static int send_part(s3_put *put)
{
    rf_s3_answer answer;
    if (put->n_parts == PARTS_MAX) {
        return -EFBIG;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *query = rf_asprintf("partNumber=%zu&uploadId=%s", put->n_parts + 1, put->upload);
    const rf_s3_request request = {.what = "put",
                                   .method = "PUT",
                                   .key = put->whole,
                                   .query = query,
                                   .body = bytes_of(put),
                                   .body_len = put->part.len};
    int err = rf_s3_do(put->s3->http, &request, &answer);
    if (err == 0) {
        put->etags = rf_grow(put->etags, put->n_parts + 1, sizeof(*put->etags));
        err = rf_copy_str(put->etags[put->n_parts++], sizeof(*put->etags), answer.etag);
        err = err == 0 && answer.etag[0] != '\0' ? 0 : -EPROTO;
    }
    rf_s3_answer_done(&answer);
    rf_buf_clear(&put->part);
    return err;
}

/* The buffer is full and more comes. */
static int flush(s3_put *put)
{
    int err = put->upload == NULL ? begin_upload(put) : 0;
    err = err == 0 ? send_part(put) : err;
    if (err == -ENOTDIR) {
        return -EEXIST;
    }
    return err == -ENOENT ? -EIO : err; /* an upload that somebody else has ended */
}

int rf_s3_put_write(void *self, const void *data, size_t len)
{
    s3_put *put = self;
    const char *at = data;
    int err = 0;
    while (err == 0 && len > 0) {
        if (put->part.len == part_size(put)) {
            err = flush(put);
            continue;
        }
        size_t n = RF_MIN(len, part_size(put) - put->part.len);
        err = rf_buf_append(&put->part, at, n);
        at += n;
        len -= n;
    }
    return err;
}

/* ---- commit ---- */

static const char *condition(const s3_put *put)
{
    return (put->flags & RF_STORE_NEW_ONLY) != 0 ? "if-none-match: *" : NULL;
}

static int put_whole(const s3_put *put)
{
    rf_s3_answer answer;
    RF_CLEANUP(rf_cleanup_free)
    char *id = rf_asprintf(ID_HEADER "%s-", put->id);
    const rf_s3_request request = {.what = "put",
                                   .method = "PUT",
                                   .key = put->whole,
                                   .headers = {id, condition(put)},
                                   .body = bytes_of(put),
                                   .body_len = put->part.len};
    int err = rf_s3_do(put->s3->http, &request, &answer);
    rf_s3_answer_done(&answer);
    return err;
}

/* An etag is hexadecimal between quotes, as a rule; what XML minds is written as it wants. */
static void name_part(rf_buf *xml, size_t number, const char *etag)
{
    (void)rf_buf_printf(xml, "<Part><PartNumber>%zu</PartNumber><ETag>", number);
    for (; *etag != '\0'; etag++) {
        if (strchr("\"<>&", *etag) != NULL) {
            (void)rf_buf_printf(xml, "&#%d;", *etag);
        } else {
            (void)rf_buf_append_char(xml, *etag);
        }
    }
    (void)rf_buf_append_str(xml, "</ETag></Part>");
}

static int on_completed(const char *parent, const char *name, const char *text, void *user)
{
    (void)text;
    *(bool *)user |= parent[0] == '\0' && strcmp(name, "CompleteMultipartUploadResult") == 0;
    return 0;
}

/* Success is what the body says it is: the status was sent before the work was done. */
static int check_completed(const rf_s3_answer *a)
{
    bool is_completed = false;
    int err = rf_s3_xml_read(a->body.data, a->body.len, on_completed, &is_completed);
    return err == 0 && is_completed ? 0 : -EPROTO;
}

static int complete(const s3_put *put)
{
    rf_buf xml;
    rf_s3_answer answer;
    RF_CLEANUP(rf_cleanup_free) char *query = rf_asprintf("uploadId=%s", put->upload);
    rf_buf_init(&xml, LIST_MAX);
    (void)rf_buf_append_str(&xml, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < put->n_parts; i++) {
        name_part(&xml, i + 1, put->etags[i]);
    }
    (void)rf_buf_append_str(&xml, "</CompleteMultipartUpload>");
    const rf_s3_request request = {.what = "put",
                                   .method = "POST",
                                   .key = put->whole,
                                   .query = query,
                                   .headers = {condition(put)},
                                   .body = xml.data,
                                   .body_len = xml.len,
                                   .is_patient = true};
    int err = rf_buf_error(&xml);
    if (err == 0) {
        err = rf_s3_do(put->s3->http, &request, &answer);
        err = err == 0 ? check_completed(&answer) : err;
        rf_s3_answer_done(&answer);
    }
    rf_buf_done(&xml);
    return err;
}

/* When the answer was lost the request may have been done, and a repetition of it be refused. */
static bool is_there(const s3_put *put)
{
    rf_s3_answer answer;
    int err = rf_s3_head(put->s3, put->key, &answer);
    bool mine = err == 0 && strncmp(answer.id, put->id, RF_S3_ID_DIGITS) == 0;
    rf_s3_answer_done(&answer);
    return mine;
}

/* A server on a file system says -ENOTDIR also when a directory is removed just then, with the last
 * object in it. */
static int finish(const s3_put *put)
{
    int err = -ENOTDIR;
    for (int i = 0; i < VANISHED_TRIES && err == -ENOTDIR; i++) {
        err = put->upload != NULL ? complete(put) : put_whole(put);
    }
    return err == -ENOTDIR ? -EEXIST : err;
}

static int publish(s3_put *put, bool with_meta)
{
    int err = with_meta && put->upload == NULL ? begin_upload(put) : 0;
    if (err == 0 && put->upload != NULL && (put->part.len > 0 || put->n_parts == 0)) {
        err = send_part(put);
    }
    err = err == 0 ? finish(put) : err;
    if (err < 0 && is_there(put)) {
        err = 0;
    }
    put->is_committed = err == 0;
    return err == -ENOENT ? -EIO : err;
}

static int put_meta(const s3_put *put, const void *meta, size_t len)
{
    rf_s3_answer answer;
    char whole[RF_S3_KEY_MAX + 1];
    int err = rf_s3_meta_key(put->s3, put->key, put->id, whole);
    if (err < 0) {
        return err;
    }
    const rf_s3_request request = {
        .what = "put", .method = "PUT", .key = whole, .body = meta, .body_len = len};
    err = -ENOTDIR;
    for (int i = 0; i < VANISHED_TRIES && err == -ENOTDIR; i++) {
        err = rf_s3_do(put->s3->http, &request, &answer);
        rf_s3_answer_done(&answer);
    }
    return err == -ENOTDIR ? -EEXIST : err;
}

/* The object that this one replaces; its id is "" when there is none. */
static int find_old(const s3_put *put, char id[RF_S3_ID_DIGITS + 2])
{
    rf_s3_answer answer;
    id[0] = '\0';
    if ((put->flags & RF_STORE_NEW_ONLY) != 0) {
        return 0;
    }
    int err = rf_s3_head(put->s3, put->key, &answer);
    if (err == 0) {
        (void)rf_copy_str(id, RF_S3_ID_DIGITS + 2, answer.id);
    }
    rf_s3_answer_done(&answer);
    return err == -ENOENT ? 0 : err;
}

int rf_s3_put_commit(void *self, const void *meta, size_t meta_len)
{
    s3_put *put = self;
    char old_id[RF_S3_ID_DIGITS + 2];
    int err = find_old(put, old_id);
    err = err == 0 && meta_len > 0 ? put_meta(put, meta, meta_len) : err;
    err = err == 0 ? publish(put, meta_len > 0) : err;
    if (err == 0) {
        rf_s3_remove_meta(put->s3, put->key, old_id);
    } else if (err == -EEXIST && meta_len > 0) {
        rf_s3_remove_meta(put->s3, put->key, put->id);
    }
    return err;
}
