#include "jam_parking.h"

#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROOM "jam/parked"
#define HASH_BYTES 24 /* of SHA-256, in a key */
#define LIMIT_NS (60 * RF_NS_PER_S)
#define SLACK_MS 60000 /* beyond its time a session is kept so long at least */

struct jam_errand {
    jam_task task;
    jam_service *service;
    int (*work)(jam_errand *e);
    jam_errand_fn done; /* NULL: not wanted */
    void *user;
    char token[JAM_TOKEN_LEN + 1];
    char id[JAM_SESSION_ID_LEN + 1];
    char tokens[JAM_PARKED_TOKENS][JAM_TOKEN_LEN + 1];
    size_t n_tokens;
    jam_parked *parked;
    int err;
};

/* ---- keys ---- */

static void session_key(const char *id, char ret[RF_STORE_MAX_KEY])
{
    snprintf(ret, RF_STORE_MAX_KEY, ROOM "/s-%s", id);
}

/* Tokens are secrets, and have characters that keys have not. */
static void token_key(const char *token, char ret[RF_STORE_MAX_KEY])
{
    uint8_t sha256[RF_SHA256_LEN];
    char hex[2 * HASH_BYTES + 1];
    rf_sha256_of(token, strlen(token), sha256);
    rf_hex(sha256, HASH_BYTES, hex);
    snprintf(ret, RF_STORE_MAX_KEY, ROOM "/t-%s", hex);
}

/* ---- objects ---- */

static int put_object(rf_store *store, const char *key, const void *data, size_t len)
{
    rf_store_put *put;
    int err = rf_store_put_open(store, key, JAM_PARKED_MAX, 0, &put);
    if (err < 0) {
        return err;
    }
    err = rf_store_put_write(put, data, len);
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

static int read_all(rf_store_object *object, rf_buf *out)
{
    uint64_t size = rf_store_object_info(object)->size;
    uint8_t *data = size > out->max ? NULL : rf_buf_reserve(out, (size_t)size);
    if (data == NULL) {
        return -EFBIG;
    }
    while (out->len < size) {
        ssize_t n =
            rf_store_object_read(object, out->len, data + out->len, (size_t)size - out->len);
        if (n <= 0) {
            return n < 0 ? (int)n : -EBADMSG;
        }
        rf_buf_added(out, (size_t)n);
    }
    return 0;
}

static int get_object(rf_store *store, const char *key, rf_buf *out)
{
    rf_store_object *object;
    int err = rf_store_get(store, key, &object);
    if (err == 0) {
        err = read_all(object, out);
        rf_store_object_free(object);
    }
    return err;
}

/* ---- the work: a thread of the pool ---- */

static int put_tokens(jam_errand *e)
{
    int err = 0;
    for (size_t i = 0; i < e->parked->n_tokens && err == 0; i++) {
        char key[RF_STORE_MAX_KEY];
        token_key(e->parked->tokens[i], key);
        err = put_object(e->service->store, key, e->parked->id, JAM_SESSION_ID_LEN);
    }
    return err;
}

/* The session first: a token that can be found leads to it. */
static int work_put(jam_errand *e)
{
    char key[RF_STORE_MAX_KEY];
    rf_buf bytes;
    rf_buf_init(&bytes, JAM_PARKED_MAX);
    session_key(e->parked->id, key);
    int err = jam_parked_write(e->parked, &bytes);
    err = err == 0 ? put_object(e->service->store, key, bytes.data, bytes.len) : err;
    rf_buf_done(&bytes);
    return err == 0 ? put_tokens(e) : err;
}

static bool has_token(const jam_parked *p, const char *token)
{
    for (size_t i = 0; i < p->n_tokens; i++) {
        if (strcmp(p->tokens[i], token) == 0) {
            return true;
        }
    }
    return false;
}

static int read_id(jam_errand *e)
{
    char key[RF_STORE_MAX_KEY];
    rf_buf id;
    rf_buf_init(&id, JAM_SESSION_ID_LEN);
    token_key(e->token, key);
    int err = get_object(e->service->store, key, &id);
    if (err == 0) {
        rf_copy_str(e->id, sizeof(e->id), rf_buf_str(&id));
    }
    rf_buf_done(&id);
    return err;
}

static int work_get(jam_errand *e)
{
    char key[RF_STORE_MAX_KEY];
    rf_buf bytes;
    int err = read_id(e);
    if (err < 0) {
        return err;
    }
    rf_buf_init(&bytes, JAM_PARKED_MAX);
    session_key(e->id, key);
    err = get_object(e->service->store, key, &bytes);
    err = err == 0 ? jam_parked_read(bytes.data, bytes.len, &e->parked) : err;
    rf_buf_done(&bytes);
    if (err == 0 && !has_token(e->parked, e->token)) {
        e->parked = jam_parked_free(e->parked);
        err = -ENOENT;
    }
    return err;
}

static int work_claim(jam_errand *e)
{
    char key[RF_STORE_MAX_KEY];
    session_key(e->id, key);
    int err = rf_store_delete(e->service->store, key);
    for (size_t i = 0; i < e->n_tokens && err == 0; i++) {
        token_key(e->tokens[i], key);
        (void)rf_store_delete(e->service->store, key); /* without the session it is worth nothing */
    }
    return err;
}

static int work_sweep(jam_errand *e)
{
    int64_t kept_ms = e->service->config->park_s * 1000 + SLACK_MS;
    return rf_store_sweep(e->service->store, ROOM, rf_time_wall_ms() - kept_ms, NULL, NULL, NULL);
}

/* ---- errands ---- */

static void errand_free(jam_errand *e)
{
    jam_parked_free(e->parked);
    free(e);
}

static void errand_run(jam_task *task)
{
    jam_errand *e = task->user;
    e->err = e->work(e);
}

static void errand_done(jam_task *task)
{
    jam_errand *e = task->user;
    if (e->err < 0 && e->err != -ENOENT) {
        RF_LOG_ERROR("parked session", RF_STR("why", strerror(-e->err)));
    }
    if (e->done != NULL) {
        bool gives = e->work == work_get;
        e->done(e->user, e->err, gives ? RF_STEAL(e->parked) : NULL);
    }
    errand_free(e);
}

static void errand_hung(jam_task *task)
{
    jam_errand *e = task->user;
    jam_errand_fn done = e->done;
    e->done = NULL;
    RF_LOG_ERROR("the object store does not answer");
    if (done != NULL) {
        done(e->user, -ETIMEDOUT, NULL);
    }
}

static void errand_left(jam_task *task)
{
    errand_free(task->user);
}

static jam_errand *begin(jam_service *service, int (*work)(jam_errand *e), jam_errand_fn done,
                         void *user)
{
    jam_errand *e = RF_NEW(jam_errand);
    e->service = service;
    e->work = work;
    e->done = done;
    e->user = user;
    e->task = (jam_task){.run = errand_run,
                         .done = errand_done,
                         .hung = errand_hung,
                         .left = errand_left,
                         .user = e,
                         .lane = JAM_LANE_HOUSE,
                         .due_ns = rf_time_ns(),
                         .limit_ns = LIMIT_NS};
    return e;
}

static jam_errand *go(jam_errand *e)
{
    if (jam_pool_put(e->service->pool, &e->task) < 0) { /* its limit is above all that can come */
        RF_LOG_ERROR("no room for an errand");
        abort();
    }
    return e;
}

jam_errand *jam_parking_put(jam_service *service, jam_parked *parked, jam_errand_fn done,
                            void *user)
{
    jam_errand *e = begin(service, work_put, done, user);
    e->parked = parked;
    return go(e);
}

jam_errand *jam_parking_get(jam_service *service, const char *token, jam_errand_fn done, void *user)
{
    jam_errand *e = begin(service, work_get, done, user);
    rf_copy_str(e->token, sizeof(e->token), token);
    return go(e);
}

jam_errand *jam_parking_claim(jam_service *service, const jam_parked *parked, jam_errand_fn done,
                              void *user)
{
    jam_errand *e = begin(service, work_claim, done, user);
    memcpy(e->id, parked->id, sizeof(e->id));
    memcpy(e->tokens, parked->tokens, sizeof(e->tokens));
    e->n_tokens = parked->n_tokens;
    return go(e);
}

void jam_parking_sweep(jam_service *service)
{
    (void)go(begin(service, work_sweep, NULL, NULL));
}

void jam_errand_forget(jam_errand *errand)
{
    errand->done = NULL;
}
