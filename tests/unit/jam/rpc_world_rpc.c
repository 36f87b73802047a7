#include "rpc_world_rpc.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

static void load_config(rpc_world *w)
{
    const rf_config_part part = {jam_settings_rows, jam_n_settings_rows, &w->config};
    const rf_config_set set = {.service = "jam", .parts = &part, .n_parts = 1};
    char *argv[] = {"reflection-jam", NULL};
    rf_buf error;
    rf_buf_init(&error, 4096);
    cr_assert_eq(rf_config_load(&set, NULL, 1, argv, &error), 0, "%s", rf_buf_str(&error));
    rf_buf_done(&error);
}

static void *run_loop(void *user)
{
    cr_assert_eq(rf_loop_run(user), 0);
    return NULL;
}

void rpc_world_open(rpc_world *w)
{
    static const rf_list no_plugins = {0};
    jam_engines *engines;
    memset(w, 0, sizeof(*w));
    rf_copy_str(w->dir, sizeof(w->dir), "/tmp/reflection-jam-XXXXXX");
    cr_assert_not_null(mkdtemp(w->dir));
    w->listen = rf_asprintf("ipc://%s/jam.sock", w->dir);
    load_config(w);
    engine_fixture_init(&w->fixture);
    w->fixture.engine.name = "band";
    w->loop = rf_loop_new();
    cr_assert_eq(jam_engines_new(NULL, NULL, &no_plugins, &engines), 0);
    cr_assert_eq(jam_engines_add(engines, &w->fixture.engine), 0);
    cr_assert_eq(jam_service_open(&w->service, &w->config, engines, w->loop, NULL), 0);
    cr_assert_eq(jam_rpc_start(&w->service, w->listen, &w->rpc), 0);
    cr_assert_eq(pthread_create(&w->thread, NULL, run_loop, w->loop), 0);
    const rf_rpc_channel_config channel = {.target = w->listen};
    cr_assert_eq(rf_rpc_channel_open(&channel, &w->channel), 0);
}

void rpc_world_close(rpc_world *w)
{
    const rf_config_part part = {jam_settings_rows, jam_n_settings_rows, &w->config};
    const rf_config_set set = {.service = "jam", .parts = &part, .n_parts = 1};
    w->channel = rf_rpc_channel_close(w->channel);
    rf_loop_stop(w->loop);
    pthread_join(w->thread, NULL);
    w->rpc = jam_rpc_stop(w->rpc);
    jam_service_close(&w->service);
    engine_fixture_done(&w->fixture);
    w->loop = rf_loop_free(w->loop);
    rf_config_done(&set);
    free(w->listen);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", w->dir);
    cr_assert_eq(system(command), 0);
}

typedef struct errand {
    rpc_world *world;
    void (*fn)(rpc_world *w);
    sem_t done;
} errand;

static void run_errand(void *user)
{
    errand *e = user;
    e->fn(e->world);
    sem_post(&e->done);
}

void rpc_world_do(rpc_world *w, void (*fn)(rpc_world *w))
{
    errand e = {.world = w, .fn = fn};
    sem_init(&e.done, 0, 0);
    rf_loop_post(w->loop, run_errand, &e);
    while (sem_wait(&e.done) != 0) {
    }
    sem_destroy(&e.done);
}

json_t *rpc_world_document(rpc_world *w, const rf_rpc_method *method, const char *tenant,
                           const ProtobufCMessage *request)
{
    const rf_rpc_options options = {.tenant = tenant};
    ProtobufCMessage *reply = NULL;
    json_error_t why;
    w->status = RF_STATUS_OK;
    if (rf_rpc_invoke(w->channel, method, &options, request, &reply, &w->status) < 0) {
        return NULL;
    }
    json_t *json = json_loads(((Jam__V1__Document *)reply)->json->text, 0, &why);
    rf_rpc_message_free(reply);
    cr_assert_not_null(json, "%s", why.text);
    return json;
}

/* ---- a socket ---- */

static void send(rpc_client *c, const Socket__V1__FromClient *m, const char *text)
{
    const rf_rpc_attachment attachment = {.data = text, .len = text == NULL ? 0 : strlen(text)};
    cr_assert_eq(rf_rpc_stream_send(c->stream, &m->base, text == NULL ? NULL : &attachment), 0);
}

rpc_client rpc_client_open(rpc_world *w, const char *tenant)
{
    const rf_rpc_options options = {.tenant = tenant, .deadline_ns = RF_NEVER_NS};
    rpc_client c = {.stream = rf_rpc_stream_open(w->channel, JAM_V1_JAM_SERVICE_SOCKET, &options)};
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    Socket__V1__Opened opened = SOCKET__V1__OPENED__INIT;
    opened.address = (char *)"10.0.0.1";
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_OPENED;
    m.opened = &opened;
    send(&c, &m, NULL);
    return c;
}

void rpc_client_say(rpc_client *c, const char *json)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TEXT;
    m.text = true;
    send(c, &m, json);
}

void rpc_client_take(rpc_client *c)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    Socket__V1__Taken taken = SOCKET__V1__TAKEN__INIT;
    taken.frames = c->n_frames;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TAKEN;
    m.taken = &taken;
    send(c, &m, NULL);
}

static void read_frame(const Socket__V1__Frame *f, const rf_rpc_msg *msg, rpc_note *ret)
{
    *ret = (rpc_note){.base64 = f->base64};
    if (msg->attachment_len > 0) {
        ret->file = rf_alloc(msg->attachment_len);
        ret->file_len = msg->attachment_len;
        memcpy(ret->file, msg->attachment, msg->attachment_len);
    }
    if (!f->binary) {
        json_error_t why;
        RF_CLEANUP(rf_cleanup_free)
        char *text =
            rf_asprintf("%.*s%.*s", (int)f->before.len, (const char *)f->before.data,
                        (int)f->after.len, f->after.len == 0 ? "" : (const char *)f->after.data);
        ret->json = json_loads(text, 0, &why);
        cr_assert_not_null(ret->json, "%s: %s", why.text, text);
    }
}

bool rpc_client_next(rpc_client *c, rpc_note *ret)
{
    rf_rpc_item *item = NULL;
    if (c->closed != 0 || rf_rpc_stream_recv(c->stream, &item) != 1) {
        return false;
    }
    const Socket__V1__ToClient *m = (const Socket__V1__ToClient *)item->message;
    if (m->kind_case == SOCKET__V1__TO_CLIENT__KIND_CLOSE) {
        c->closed = m->close->code;
        rf_rpc_item_free(item);
        return false;
    }
    c->n_frames++;
    read_frame(m->frame, &item->msg, ret);
    rf_rpc_item_free(item);
    rpc_client_take(c);
    return true;
}

void rpc_note_done(rpc_note *note)
{
    json_decref(note->json);
    free(note->file);
}

json_t *rpc_client_find(rpc_client *c, const char *type)
{
    rpc_note note;
    while (rpc_client_next(c, &note)) {
        const char *is = json_string_value(json_object_get(note.json, "type"));
        if (is != NULL && strcmp(is, type) == 0) {
            free(note.file);
            return note.json;
        }
        rpc_note_done(&note);
    }
    cr_assert_fail("closed before a message of type %s", type);
    return NULL;
}

rf_code rpc_client_close(rpc_client *c)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    Socket__V1__Closed closed = SOCKET__V1__CLOSED__INIT;
    rf_rpc_item *item;
    closed.code = 1000;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_CLOSED;
    m.closed = &closed;
    send(c, &m, NULL);
    rf_rpc_stream_half_close(c->stream);
    while (rf_rpc_stream_recv(c->stream, &item) == 1) {
        rf_rpc_item_free(item);
    }
    rf_code code = rf_rpc_stream_status(c->stream)->code;
    c->stream = rf_rpc_stream_free(c->stream);
    return code;
}
