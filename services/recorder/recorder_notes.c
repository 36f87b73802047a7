#include "recorder_notes.h"

#include "recorder_shelf.h"
#include "recorder_text.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

typedef struct notes {
    recorder_task task; /* first */
    recorder_session *session;
    recorder_service *service;
    char object[RECORDER_OBJECT_SIZE];
    rf_buf json;
    int err;
    recorder_notes_fn fn;
    void *user;
} notes;

static int object_of(const recorder_start *start, char ret[RECORDER_OBJECT_SIZE])
{
    char id[RECORDER_ID_TEXT];
    RF_CLEANUP(rf_cleanup_free)
    char *key = rf_asprintf("%s/%s.json", start->folder, recorder_text_id(start->id, id));
    return recorder_shelf_object(start->tenant, key, ret);
}

/* ---- threads of the pools ---- */

static bool is_json(rf_buf *text)
{
    json_t *value = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
    json_decref(value);
    return value != NULL;
}

static int put_object(notes *n)
{
    rf_store_put *put = NULL;
    int err = is_json(&n->json) ? 0 : -EBADMSG;
    err = err == 0 ? rf_store_put_open(n->service->store, n->object, n->json.len, 0, &put) : err;
    err = err == 0 ? rf_store_put_write(put, n->json.data, n->json.len) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

static void run_put(recorder_task *task)
{
    notes *n = (notes *)task;
    n->err = n->err == 0 ? put_object(n) : n->err;
}

static int get_object(notes *n)
{
    rf_store_object *object = NULL;
    int err = rf_store_get(n->service->store, n->object, &object);
    if (err < 0) {
        return err;
    }
    size_t size = (size_t)RF_MIN(rf_store_object_info(object)->size, RECORDER_NOTES_MAX + 1);
    void *at = size <= RECORDER_NOTES_MAX ? rf_buf_reserve(&n->json, size) : NULL;
    ssize_t got = at != NULL ? rf_store_object_read(object, 0, at, size) : -EFBIG;
    if (got >= 0) {
        rf_buf_added(&n->json, (size_t)got);
    }
    rf_store_object_free(object);
    return got < 0 ? (int)got : 0;
}

static void run_get(recorder_task *task)
{
    notes *n = (notes *)task;
    n->err = n->err == 0 ? get_object(n) : n->err;
}

int recorder_notes_remove(recorder_service *service, const recorder_start *start)
{
    char object[RECORDER_OBJECT_SIZE];
    int err = object_of(start, object);
    err = err == 0 ? rf_store_delete(service->store, object) : 0; /* a key too long has none */
    return err == -ENOENT ? 0 : err;
}

/* ---- the loop ---- */

static void describe(int err, recorder_error *error)
{
    switch (err) {
    case 0:
        error->code = RECORDER_OK;
        break;
    case -ENOENT:
        (void)recorder_fail(error, RECORDER_NOT_FOUND, "there are no notes of that recording");
        break;
    case -EBADMSG:
    case -EFBIG:
    case -ENOSPC:
        (void)recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                            "notes: a JSON text of at most %zu bytes", RECORDER_NOTES_MAX);
        break;
    case -EINVAL:
        (void)recorder_fail(error, RECORDER_INVALID_ARGUMENT, "notes: the key would be too long");
        break;
    default:
        (void)recorder_fail(error, RECORDER_STORE_FAILED, "notes: %s", strerror(-err));
    }
}

static void done(recorder_task *task)
{
    notes *n = (notes *)task;
    recorder_error error = {.code = RECORDER_OK};
    describe(n->err, &error);
    n->fn(n->user, &n->json, &error);
    rf_buf_done(&n->json);
    recorder_session_unref(n->session);
    free(n);
}

static notes *new_notes(recorder_session *s, void (*run)(recorder_task *task), recorder_notes_fn fn,
                        void *user)
{
    notes *n = RF_NEW(notes);
    n->task = (recorder_task){.run = run, .done = done};
    n->session = s;
    n->service = s->service;
    n->fn = fn;
    n->user = user;
    rf_buf_init(&n->json, RECORDER_NOTES_MAX);
    n->err = object_of(&s->take->start, n->object);
    recorder_session_ref(s);
    return n;
}

void recorder_notes_put(recorder_session *s, const char *json, recorder_notes_fn fn, void *user)
{
    notes *n = new_notes(s, run_put, fn, user);
    int err = rf_buf_append_str(&n->json, json);
    n->err = n->err == 0 ? err : n->err;
    recorder_pool_put(s->service->publishes, &n->task);
}

void recorder_notes_get(recorder_session *s, recorder_notes_fn fn, void *user)
{
    recorder_pool_put(s->service->extracts, &new_notes(s, run_get, fn, user)->task);
}
