/*
 * rf_store_s3.h - inside the S3 backend.
 *
 *     <prefix>/<key>               an object; its header x-amz-meta-reflection is its id: 16
 * digits, or 16 digits and "-" when it surely has no metadata <prefix>/<dir>/.<last>.<id>  the
 * metadata of <prefix>/<dir>/<last>, as long as that has this id
 *
 * The id is the put's own, so that a put whose answer was lost can tell its object from another's.
 */
#ifndef RF_STORE_S3_H
#define RF_STORE_S3_H

#include "rf_store_backend.h"
#include "rf_store_meta.h"

#define RF_S3_KEY_MAX 1024 /* bytes, of S3 itself */
#define RF_S3_ID_DIGITS RF_STORE_META_ID_DIGITS

/* ---- rf_store_s3_url.c: what the URL says ---- */

typedef struct rf_s3_config {
    char *scheme;      /* "https" or "http" */
    char *host;        /* with the port unless it is the scheme's own */
    char *bucket;      /* */
    char *prefix;      /* "" or "a/b/" */
    char *region;      /* */
    char *ca_file;     /* PEM; NULL: the system's */
    char *credentials; /* file; NULL: the environment's, else ~/.aws/credentials */
    char *profile;     /* section of that file */
    bool path_style;   /* https://host/bucket/key, else https://bucket.host/key */
    int64_t timeout_ms;
    int64_t slow_ms;
    int64_t stale_ms;
} rf_s3_config;

/* rf_s3_config_read parses what stands after "s3:". 0, or -EINVAL with *ret_why, a static text. */
int rf_s3_config_read(const char *address, rf_s3_config *ret, const char **ret_why) RF_MUST_USE;
void rf_s3_config_done(rf_s3_config *config);

/* ---- rf_store_s3_keys.c: credentials ---- */

typedef struct rf_s3_keys {
    char access[256];
    char secret[256];
    char token[8192]; /* of a session; "" for none */
} rf_s3_keys;

typedef struct rf_s3_keychain rf_s3_keychain; /* any thread */

rf_s3_keychain *rf_s3_keychain_new(const rf_s3_config *config);
rf_s3_keychain *rf_s3_keychain_free(rf_s3_keychain *chain);

/* rf_s3_keychain_get gives the credentials of now: a file is read again once it has changed. 0 or
 * -EACCES with a static text. */
int rf_s3_keychain_get(rf_s3_keychain *chain, rf_s3_keys *ret, const char **ret_why) RF_MUST_USE;

/* rf_s3_keychain_generation counts how often they have changed, up to now. */
unsigned rf_s3_keychain_generation(rf_s3_keychain *chain);

/* ---- rf_store_s3_answer.c: what a server says ---- */

typedef struct rf_s3_answer {
    int status;
    uint64_t length; /* of the object, also when a range of it was asked for */
    int64_t modified_ms;
    char etag[128];    /* with its quotes */
    char id[24];       /* x-amz-meta-reflection */
    char version[128]; /* "" for none */
    int64_t retry_after_ms;
    size_t n_into; /* bytes written to request.into */
    rf_buf body;   /* when it did not go there */
    char code[64]; /* of an error, "" for none */
    char message[256];
} rf_s3_answer;

void rf_s3_answer_init(rf_s3_answer *a);
void rf_s3_answer_done(rf_s3_answer *a);

/* rf_s3_answer_header takes one header line; a status line forgets those before it. */
void rf_s3_answer_header(rf_s3_answer *a, const char *line, size_t len);

/* rf_s3_answer_error fills code and message from the body, if it is an error. */
void rf_s3_answer_error(rf_s3_answer *a);

/* Called at the end of each element with the name of its parent and its own text. Non-zero ends. */
typedef int (*rf_s3_element_fn)(const char *parent, const char *name, const char *text, void *user);

/* rf_s3_xml_read walks an answer. 0, fn's value, or -EBADMSG: not XML, too deep, with a DOCTYPE. */
int rf_s3_xml_read(const void *xml, size_t len, rf_s3_element_fn fn, void *user) RF_MUST_USE;

typedef struct rf_s3_entry {
    char *key;    /* as the server has it */
    char *upload; /* id; NULL for an object */
    uint64_t size;
    int64_t at_ms; /* last modified, begun */
} rf_s3_entry;

/* One page of objects or uploads. */
typedef struct rf_s3_page {
    rf_s3_entry *entries;
    size_t n;
    bool is_encoded; /* keys came percent-encoded */
    bool is_cut;     /* more follows */
    char *next;      /* where: a token of objects, a key of uploads; NULL for none */
    char *next_upload;
} rf_s3_page;

int rf_s3_page_read(const void *xml, size_t len, rf_s3_page *ret) RF_MUST_USE;
void rf_s3_page_done(rf_s3_page *page);

/* ---- rf_store_s3_sign.c ---- */

/* rf_s3_encode appends text percent-encoded as signing wants it; '/' stays when keep_slash. */
void rf_s3_encode(rf_buf *out, const char *text, bool keep_slash);

/* rf_s3_decode decodes %XX in place; a percent sign that begins none stays. */
void rf_s3_decode(char *text);

/* rf_s3_location appends the path of a key ("" for the bucket itself) within the host. */
void rf_s3_location(const rf_s3_config *c, const char *key, rf_buf *out);

/* rf_s3_host appends the host that is asked: with the bucket in it or not. */
void rf_s3_host(const rf_s3_config *c, rf_buf *out);

/* rf_s3_presign writes a URL that reads key for some seconds (AWS Signature Version 4 in the query
 * of a GET). */
char *rf_s3_presign(const rf_s3_config *c, const rf_s3_keys *keys, const char *key, int64_t seconds,
                    int64_t now_s) RF_MUST_USE;

/* ---- rf_store_s3_http.c: requests, tried again until the deadline ---- */

typedef struct rf_s3_http rf_s3_http; /* any thread */

typedef struct rf_s3_request {
    const char *what;   /* for logs: "put" */
    const char *method; /* GET, HEAD, PUT, POST, DELETE */
    const char *key;    /* whole, "" for the bucket itself */
    const char *query;  /* encoded, sorted, each with its '='; NULL for none */
    const char *headers[4];
    const void *body; /* of PUT and POST */
    size_t body_len;
    const char *range; /* "0-99"; NULL for all */
    void *into;        /* where the body of success goes; NULL: into the answer */
    size_t into_size;
    bool is_patient; /* the server may take its time before it answers */
    int64_t most_ms; /* with all tries, if that is less than the URL's timeout; 0: it is not */
} rf_s3_request;

rf_s3_http *rf_s3_http_new(const rf_s3_config *config, rf_s3_keychain *chain);
rf_s3_http *rf_s3_http_free(rf_s3_http *http);

/* rf_s3_do sends the request until it is answered. Returns 0 for 2xx, else an error of rf_store.h;
 * *ret is filled either way and is the caller's to end. What is no ordinary outcome is logged. */
int rf_s3_do(rf_s3_http *http, const rf_s3_request *request, rf_s3_answer *ret) RF_MUST_USE;

/* ---- rf_store_s3_error.c: what an answer means ---- */

/* rf_s3_error_of gives 0 for success, an error of rf_store.h, -EAGAIN: later it may go well, or
 * -ENOTDIR: the key is the beginning of another one, or the other way round. */
int rf_s3_error_of(const rf_s3_answer *a);

/* rf_s3_error_is_ordinary says whether the caller's reader need not hear of it: 0, no such object,
 * a condition that does not hold. */
bool rf_s3_error_is_ordinary(int err);

/* rf_s3_error_log tells the operator what is wrong with store.url. */
void rf_s3_error_log(const rf_s3_config *c, const rf_s3_request *r, const rf_s3_answer *a, int err,
                     int n_tries);

/* ---- rf_store_s3.c ---- */

typedef struct rf_s3 {
    rf_s3_config config;
    rf_s3_keychain *chain;
    rf_s3_http *http;
} rf_s3;

/* rf_s3_key writes prefix and key; -ENAMETOOLONG above RF_S3_KEY_MAX. */
int rf_s3_key(const rf_s3 *s3, const char *key, char out[RF_S3_KEY_MAX + 1]) RF_MUST_USE;

/* rf_s3_meta_key writes where the metadata of key with that id lies. */
int rf_s3_meta_key(const rf_s3 *s3, const char *key, const char *id,
                   char out[RF_S3_KEY_MAX + 1]) RF_MUST_USE;

/* rf_s3_head asks for an object; the answer is the caller's to end. */
int rf_s3_head(rf_s3 *s3, const char *key, rf_s3_answer *ret) RF_MUST_USE;

/* rf_s3_remove removes what lies under a whole key, without asking whether it is there; with the
 * query of an upload, that upload. */
int rf_s3_remove(rf_s3 *s3, const char *whole_key, const char *query);

/* rf_s3_remove_meta removes the metadata of key with that id, if it may have one. */
void rf_s3_remove_meta(rf_s3 *s3, const char *key, const char *id);

void rf_s3_info(const rf_s3_answer *a, rf_store_info *ret);

/* ---- rf_store_s3_put.c, rf_store_s3_read.c, rf_store_s3_list.c ---- */

int rf_s3_put_open(void *store, const char *key, unsigned flags, void **ret_put);
int rf_s3_put_write(void *put, const void *data, size_t len);
int rf_s3_put_commit(void *put, const void *meta, size_t meta_len);
void rf_s3_put_free(void *put);

int rf_s3_get(void *store, const char *key, rf_store_info *ret_info, rf_buf *meta,
              void **ret_object);
ssize_t rf_s3_read(void *object, uint64_t offset, void *data, size_t len);
int rf_s3_fd(const void *object);
void rf_s3_object_free(void *object);
int rf_s3_stat(void *store, const char *key, rf_store_info *ret, rf_buf *meta);

int rf_s3_list(void *store, const char *prefix, rf_store_list_fn fn, void *user);

/* rf_s3_abort_stale ends the uploads that began long ago. */
void rf_s3_abort_stale(rf_s3 *s3);

#endif
