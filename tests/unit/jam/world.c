#include "world.h"

#include "rf_scope.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 10
#define QUIET_TURNS 3

/* ---- what clients are sent ---- */

static void add_note(world_client *c, world_note note)
{
    c->notes = rf_make_room(c->notes, c->n_notes + 1, &c->cap_notes, sizeof(*c->notes));
    note.at_ns = rf_time_ns();
    c->notes[c->n_notes++] = note;
}

static int on_frame(void *port, const jam_frame *frame)
{
    world_client *c = port;
    world_note note = {0};
    if (frame->block != NULL) {
        note.file_len = frame->block->size;
        if (!c->keeps_no_files) {
            note.file = rf_alloc(frame->block->size);
            memcpy(note.file, frame->block->data, frame->block->size);
        }
    }
    if (!frame->binary) {
        json_error_t why;
        note.text = rf_asprintf("%.*s%.*s", (int)frame->n_before, frame->before,
                                (int)frame->n_after, frame->after == NULL ? "" : frame->after);
        note.json = json_loads(note.text, 0, &why);
        cr_assert_not_null(note.json, "%s: %s", why.text, note.text);
    }
    add_note(c, note);
    return 0;
}

static void on_close(void *port, uint32_t code, const char *reason)
{
    world_client *c = port;
    (void)reason;
    cr_assert_eq(c->closed, 0, "closed twice");
    c->closed = code;
}

static const jam_port port = {.frame = on_frame, .close = on_close};

static world_client *connect(world *w, const char *tenant, const char *address, const char *scopes)
{
    const jam_client who = {.tenant = tenant, .scopes = scopes, .address = address};
    cr_assert_lt(w->n_clients, (size_t)WORLD_CLIENTS_MAX);
    world_client *c = &w->clients[w->n_clients++];
    *c = (world_client){.world = w, .takes = true};
    c->socket = jam_socket_open(&w->service, &port, c, &who);
    return c;
}

world_client *world_connect(world *w, const char *tenant, const char *address)
{
    return connect(w, tenant, address, tenant[0] != '\0' ? "" : RF_SCOPES_NONE);
}

world_client *world_connect_scoped(world *w, const char *tenant, const char *scopes)
{
    return connect(w, tenant, "10.0.0.1", scopes);
}

void world_say(world_client *c, const char *json)
{
    if (c->socket != NULL) {
        jam_socket_message(c->socket, json, strlen(json), rf_time_ns());
    }
}

void world_leave(world_client *c)
{
    if (c->socket != NULL) {
        jam_socket_gone(c->socket);
        c->socket = NULL;
    }
}

/* ---- time ---- */

static void stop_loop(void *user)
{
    rf_loop_stop(user);
}

/* The loop looks at its timers between this and the stop. */
static void stop_next(void *user)
{
    rf_loop_post(user, stop_loop, user);
}

/* What gateways do: say what has been taken, and that a closed client is gone. */
static void tend(world_client *c)
{
    if (c->socket == NULL) {
        return;
    }
    if (c->closed != 0) {
        world_leave(c);
    } else if (c->takes && c->n_taken != c->n_notes) {
        c->n_taken = c->n_notes;
        jam_socket_taken(c->socket, c->n_taken);
    }
}

void world_turn(world *w)
{
    rf_loop_post(w->loop, stop_next, w->loop);
    cr_assert_eq(rf_loop_run(w->loop), 0);
    for (size_t i = 0; i < w->n_clients; i++) {
        tend(&w->clients[i]);
    }
}

static size_t count_notes(const world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_clients; i++) {
        n += w->clients[i].n_notes;
    }
    return n;
}

void world_settle(world *w)
{
    size_t quiet = 0;
    while (quiet < QUIET_TURNS) {
        size_t before = count_notes(w);
        bool was_busy = jam_pool_is_busy(w->service.pool);
        jam_pool_settle(w->service.pool, RF_NS_PER_S * PATIENCE_S);
        world_turn(w);
        quiet = was_busy || count_notes(w) != before ? 0 : quiet + 1;
    }
}

void world_pass(world *w, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        rf_time_advance(RF_NS_PER_MS);
        world_turn(w);
        if (jam_pool_is_busy(w->service.pool)) {
            world_settle(w);
        }
    }
}

static int64_t real_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

json_t *world_wait(world_client *c, const char *type, size_t from)
{
    for (int64_t until = real_s() + PATIENCE_S; real_s() <= until;) {
        for (size_t i = from; i < c->n_notes; i++) {
            if (c->notes[i].json != NULL &&
                strcmp(world_str(c->notes[i].json, "type"), type) == 0) {
                return c->notes[i].json;
            }
        }
        world_turn(c->world);
    }
    cr_assert_fail("no message of type %s; the last: %s", type,
                   c->n_notes > 0 && c->notes[c->n_notes - 1].text != NULL
                       ? c->notes[c->n_notes - 1].text
                       : "none");
    return NULL;
}

world_client *world_start(world *w, const char *params)
{
    world_client *c = world_connect(w, "tenant", "10.0.0.1");
    RF_CLEANUP(rf_cleanup_free)
    char *start = rf_asprintf("{\"type\":\"start\",\"binary_audio\":true,\"params\":%s}", params);
    world_say(c, start);
    world_wait(c, "started", 0);
    return c;
}

/* ---- life ---- */

static void load_config(world *w)
{
    const rf_config_part part = {jam_settings_rows, jam_n_settings_rows, &w->config};
    const rf_config_set set = {.service = "jam", .parts = &part, .n_parts = 1};
    char *argv[] = {"reflection-jam", "--jam.threads=2", NULL};
    rf_buf error;
    rf_buf_init(&error, 4096);
    cr_assert_eq(rf_config_load(&set, NULL, 2, argv, &error), 0, "%s", rf_buf_str(&error));
    rf_buf_done(&error);
}

void world_open(world *w, void (*change)(world *w))
{
    static const rf_list no_plugins = {0};
    jam_engines *engines;
    memset(w, 0, sizeof(*w));
    load_config(w);
    w->config.cpu_percent = 1000; /* places do not hang on what this machine makes of a session */
    engine_fixture_init(&w->fixture);
    w->fixture.engine.name = "band";
    if (change != NULL) {
        change(w);
    }
    w->loop = rf_loop_new();
    cr_assert_eq(jam_engines_new(NULL, NULL, &no_plugins, &engines), 0);
    cr_assert_eq(jam_engines_add(engines, &w->fixture.engine), 0);
    cr_assert_eq(jam_service_open(&w->service, &w->config, engines, w->loop, w->store_url), 0);
    w->service.recorder = w->recorder != NULL ? w->recorder(w) : NULL;
}

static void free_client(world_client *c)
{
    world_leave(c);
    for (size_t i = 0; i < c->n_notes; i++) {
        json_decref(c->notes[i].json);
        free(c->notes[i].text);
        free(c->notes[i].file);
    }
    free(c->notes);
}

void world_close(world *w)
{
    const rf_config_part part = {jam_settings_rows, jam_n_settings_rows, &w->config};
    const rf_config_set set = {.service = "jam", .parts = &part, .n_parts = 1};
    for (size_t i = 0; i < w->n_clients; i++) {
        free_client(&w->clients[i]);
    }
    engine_fixture_release(&w->fixture);
    jam_service_close(&w->service);
    engine_fixture_done(&w->fixture);
    w->loop = rf_loop_free(w->loop);
    rf_config_done(&set);
}

/* ---- looking ---- */

const char *world_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

size_t world_count(const world_client *c, const char *type)
{
    size_t n = 0;
    while (world_nth(c, type, n) != NULL) {
        n++;
    }
    return n;
}

json_t *world_nth(const world_client *c, const char *type, size_t n)
{
    for (size_t i = 0; i < c->n_notes; i++) {
        if (c->notes[i].json != NULL && strcmp(world_str(c->notes[i].json, "type"), type) == 0 &&
            n-- == 0) {
            return c->notes[i].json;
        }
    }
    return NULL;
}

json_t *world_last(const world_client *c, const char *type)
{
    size_t n = world_count(c, type);
    return n == 0 ? NULL : world_nth(c, type, n - 1);
}

size_t world_n_chunks(const world_client *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_notes; i++) {
        n += c->notes[i].file_len > 0;
    }
    return n;
}

const world_note *world_chunk(const world_client *c, size_t n)
{
    for (size_t i = 0; i < c->n_notes; i++) {
        if (c->notes[i].file_len > 0 && n-- == 0) {
            return &c->notes[i];
        }
    }
    cr_assert_fail("no such chunk");
    return NULL;
}

json_t *world_meta(const world_client *c, size_t n)
{
    const world_note *note = world_chunk(c, n);
    if (note->json == NULL) {
        note++; /* the chunk_meta stands right behind its binary frame */
        cr_assert_lt(note, c->notes + c->n_notes);
        cr_assert_str_eq(world_str(note->json, "type"), "chunk_meta");
    }
    return json_object_get(note->json, "metadata");
}

int64_t world_meta_i64(const world_client *c, size_t n, const char *key)
{
    return json_integer_value(json_object_get(world_meta(c, n), key));
}

jam_session *world_session(const world_client *c)
{
    jam_session *s = jam_registry_find(c->world->service.registry,
                                       world_str(world_nth(c, "started", 0), "session_id"));
    cr_assert_not_null(s);
    return s;
}
