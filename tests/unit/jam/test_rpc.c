/* The service as the gateway sees it. */
#include "rpc_world_rpc.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static rpc_world w;

static void open_world(void)
{
    rpc_world_open(&w);
}

static void close_world(void)
{
    rpc_world_close(&w);
}

TestSuite(rpc, .init = open_world, .fini = close_world, .timeout = 60);

static const char *str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static rpc_client play(const char *start)
{
    rpc_client c = rpc_client_open(&w, "tenant");
    rpc_client_say(&c, start);
    return c;
}

Test(rpc, a_text_chunk_is_one_frame_around_its_file)
{
    rpc_client c = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    rpc_note note = {0};
    json_decref(rpc_client_find(&c, "started"));
    cr_assert(rpc_client_next(&c, &note));
    cr_assert_str_eq(str(note.json, "type"), "chunk");
    cr_assert_str_eq(str(note.json, "audio_base64"), "", "the file is the attachment");
    cr_assert(note.base64);
    cr_assert_eq(note.file_len, 777658u);
    cr_assert_eq(memcmp(note.file, "RIFF", 4), 0);
    rpc_note_done(&note);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

Test(rpc, a_binary_chunk_is_a_file_and_a_text_behind_it)
{
    rpc_client c = play("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"format\":"
                        "\"wav-s16\",\"max_decode_frames\":5}}");
    rpc_note file = {0};
    rpc_note meta = {0};
    json_decref(rpc_client_find(&c, "started"));
    for (int i = 0; i < 20; i++) {
        cr_assert(rpc_client_next(&c, &file));
        cr_assert_null(file.json);
        cr_assert_not(file.base64);
        cr_assert(rpc_client_next(&c, &meta));
        cr_assert_str_eq(str(meta.json, "type"), "chunk_meta");
        const json_t *index = json_object_get(json_object_get(meta.json, "metadata"), "index");
        cr_assert_eq(json_integer_value(index), i);
        rpc_note_done(&file);
        rpc_note_done(&meta);
    }
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

Test(rpc, what_the_gateway_has_not_handed_on_holds_the_next_chunk_back)
{
    rpc_client c = play("{\"type\":\"start\",\"binary_audio\":true}"); /* asap */
    rf_rpc_item *item;
    for (int i = 0; i < 3; i++) { /* started, file, chunk_meta: none is taken */
        cr_assert_eq(rf_rpc_stream_recv(c.stream, &item), 1);
        rf_rpc_item_free(item);
    }
    rpc_client_say(&c, "{\"type\":\"ping\"}");
    cr_assert_eq(rf_rpc_stream_recv(c.stream, &item), 1);
    const Socket__V1__ToClient *m = (const Socket__V1__ToClient *)item->message;
    cr_assert_eq(m->kind_case, SOCKET__V1__TO_CLIENT__KIND_FRAME);
    cr_assert_not(m->frame->binary, "a pong, and no chunk before it");
    rf_rpc_item_free(item);
    c.n_frames = 4;
    rpc_client_take(&c);
    cr_assert_eq(rf_rpc_stream_recv(c.stream, &item), 1);
    cr_assert(((const Socket__V1__ToClient *)item->message)->frame->binary);
    rf_rpc_item_free(item);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

Test(rpc, stop_ends_with_stopped_and_a_close)
{
    rpc_client c = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    rpc_note note;
    json_decref(rpc_client_find(&c, "chunk"));
    rpc_client_say(&c, "{\"type\":\"stop\"}");
    json_decref(rpc_client_find(&c, "stopped"));
    cr_assert_not(rpc_client_next(&c, &note));
    cr_assert_eq(c.closed, 1000);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

Test(rpc, a_lost_connection_parks_the_session_and_its_token_resumes_it)
{
    char text[256];
    rpc_client c = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    json_t *started = rpc_client_find(&c, "started");
    json_decref(rpc_client_find(&c, "chunk"));
    snprintf(text, sizeof(text), "{\"type\":\"start\",\"resume_token\":\"%s\",\"last_index\":-1}",
             str(started, "resume_token"));
    json_decref(started);
    rf_rpc_stream_cancel(c.stream);
    c.stream = rf_rpc_stream_free(c.stream);
    rpc_client d = play(text);
    json_t *again = rpc_client_find(&d, "started");
    cr_assert(json_is_true(json_object_get(again, "resumed")));
    json_decref(again);
    json_t *chunk = rpc_client_find(&d, "chunk");
    const json_t *index = json_object_get(json_object_get(chunk, "metadata"), "index");
    cr_assert_eq(json_integer_value(index), 0);
    json_decref(chunk);
    cr_assert_eq(rpc_client_close(&d), RF_OK);
}

/* ---- documents ---- */

static json_t *list(const char *tenant, uint32_t limit, const char *cursor)
{
    Jam__V1__ListSessionsRequest request = JAM__V1__LIST_SESSIONS_REQUEST__INIT;
    request.limit = limit;
    request.cursor = (char *)(uintptr_t)cursor;
    return rpc_world_document(&w, JAM_V1_JAM_SERVICE_LIST_SESSIONS, tenant, &request.base);
}

static json_t *get(const char *tenant, const char *id)
{
    Jam__V1__GetSessionRequest request = JAM__V1__GET_SESSION_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    return rpc_world_document(&w, JAM_V1_JAM_SERVICE_GET_SESSION, tenant, &request.base);
}

Test(rpc, sessions_are_listed_page_by_page_newest_first)
{
    rpc_client clients[5];
    for (size_t i = 0; i < 5; i++) {
        clients[i] = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
        json_decref(rpc_client_find(&clients[i], "started"));
        usleep(2000);
    }
    char cursor[64] = "";
    char last[64] = "~";
    size_t n = 0;
    for (int pages = 0; pages < 3; pages++) {
        json_t *page = list("tenant", 2, cursor);
        json_t *sessions = json_object_get(page, "sessions");
        for (size_t i = 0; i < json_array_size(sessions); i++, n++) {
            const char *id = str(json_array_get(sessions, i), "id");
            cr_assert_lt(strcmp(id, last), 0);
            rf_copy_str(last, sizeof(last), id);
        }
        rf_copy_str(cursor, sizeof(cursor), str(page, "next_cursor"));
        json_decref(page);
    }
    cr_assert_eq(n, 5);
    cr_assert_str_eq(cursor, "");
    json_t *others = list("other", 0, "");
    cr_assert_eq(json_array_size(json_object_get(others, "sessions")), 0);
    json_decref(others);
    cr_assert_null(list("tenant", 101, ""));
    cr_assert_eq(w.status.code, RF_INVALID_ARGUMENT);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(rpc_client_close(&clients[i]), RF_OK);
    }
}

Test(rpc, a_session_shows_its_controls_to_its_owner_alone)
{
    rpc_client c = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"seed\":5,"
                        "\"bpm\":121,\"key\":\"Eb\",\"scale\":\"dorian\"}}");
    json_t *started = rpc_client_find(&c, "started");
    json_decref(rpc_client_find(&c, "chunk"));
    json_t *s = get("tenant", str(started, "session_id"));
    cr_assert_not_null(s);
    cr_assert_str_eq(str(s, "state"), "running");
    cr_assert_eq(json_integer_value(json_object_get(s, "seed")), 5);
    cr_assert_eq(strlen(str(s, "listen_token")), 22);
    const json_t *controls = json_object_get(s, "controls");
    cr_assert_float_eq(json_number_value(json_object_get(controls, "bpm")), 121.0, 1e-9);
    cr_assert_str_eq(str(controls, "key"), "D#");
    cr_assert_str_eq(str(controls, "scale"), "dorian");
    cr_assert_str_eq(str(controls, "density"), "auto");
    cr_assert_not_null(json_object_get(json_object_get(s, "lateness_ms"), "p99"));
    json_decref(s);
    cr_assert_null(get("other", str(started, "session_id")));
    cr_assert_eq(w.status.code, RF_NOT_FOUND);
    cr_assert_null(get("", str(started, "session_id")));
    cr_assert_eq(w.status.code, RF_NOT_FOUND);
    json_decref(started);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

static json_t *plain(const rf_rpc_method *method)
{
    Jam__V1__GetHealthRequest request = JAM__V1__GET_HEALTH_REQUEST__INIT; /* all are empty */
    ProtobufCMessage *m = &request.base;
    m->descriptor = method->input;
    return rpc_world_document(&w, method, "", m);
}

Test(rpc, engines_health_and_model_have_their_documents)
{
    json_t *engines = plain(JAM_V1_JAM_SERVICE_GET_ENGINES);
    const json_t *band = json_array_get(json_object_get(engines, "engines"), 0);
    cr_assert_str_eq(str(band, "name"), "band");
    cr_assert_gt(json_integer_value(json_object_get(band, "places_free")), 0);
    json_decref(engines);
    json_t *health = plain(JAM_V1_JAM_SERVICE_GET_HEALTH);
    cr_assert(json_is_true(json_object_get(health, "ok")));
    cr_assert_str_eq(str(health, "status"), "ready");
    cr_assert_str_eq(str(health, "mode"), "rt");
    cr_assert_eq(json_integer_value(json_object_get(health, "active_jams")), 0);
    json_decref(health);
    json_t *model = plain(JAM_V1_JAM_SERVICE_GET_MODEL_CONFIG);
    cr_assert(json_is_false(json_object_get(model, "mean_loaded")));
    cr_assert(json_is_false(json_object_get(model, "centroids_loaded")));
    json_decref(model);
    json_t *api = plain(JAM_V1_JAM_SERVICE_GET_ASYNC_API);
    cr_assert_not_null(json_object_get(api, "asyncapi"));
    json_decref(api);
}

/* ---- renders ---- */

static uint8_t *render(const char *json, size_t *ret_len, char *content_type, uint64_t *ret_seed)
{
    rf_rpc_stream *s = rf_rpc_stream_open(w.channel, JAM_V1_JAM_SERVICE_RENDER, NULL);
    Jam__V1__RenderRequest request = JAM__V1__RENDER_REQUEST__INIT;
    rf_rpc_item *item;
    uint8_t *file = NULL;
    uint64_t size = 0;
    *ret_len = 0;
    request.json = (char *)(uintptr_t)json;
    cr_assert_eq(rf_rpc_stream_send(s, &request.base, NULL), 0);
    while (rf_rpc_stream_recv(s, &item) == 1) {
        const Jam__V1__RenderPart *part = (const Jam__V1__RenderPart *)item->message;
        if (*ret_len == 0) {
            rf_copy_str(content_type, 64, part->content_type);
            *ret_seed = part->seed;
            size = part->size;
        }
        cr_assert_leq(item->msg.attachment_len, 256u << 10);
        file = rf_grow(file, *ret_len + item->msg.attachment_len, 1);
        memcpy(file + *ret_len, item->msg.attachment, item->msg.attachment_len);
        *ret_len += item->msg.attachment_len;
        rf_rpc_item_free(item);
    }
    w.status = *rf_rpc_stream_status(s);
    rf_rpc_stream_free(s);
    cr_assert(size == 0 || size == *ret_len);
    return file;
}

Test(rpc, a_render_is_one_file_of_exactly_so_many_samples_with_its_seed)
{
    char type[64];
    uint64_t seed;
    size_t len;
    uint8_t *file = render("{\"seconds\":3.5,\"params\":{\"seed\":11,\"bpm\":100},"
                           "\"controls\":[{\"at_sample\":48000,\"bpm\":140}]}",
                           &len, type, &seed);
    cr_assert_eq(w.status.code, RF_OK, "%s", w.status.message);
    cr_assert_eq(len, 58 + 168000u * 8);
    cr_assert_str_eq(type, "audio/wav");
    cr_assert_eq(seed, 11);
    free(file);
}

Test(rpc, a_render_gives_the_bytes_of_the_stream)
{
    char type[64];
    uint64_t seed;
    size_t len;
    rpc_note note;
    uint8_t *file =
        render("{\"seconds\":2,\"params\":{\"seed\":3,\"styles\":\"jazz\"}}", &len, type, &seed);
    rpc_client c = play("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"seed\":3,"
                        "\"styles\":\"jazz\",\"crossfade_seconds\":0}}");
    json_decref(rpc_client_find(&c, "started"));
    do {
        cr_assert(rpc_client_next(&c, &note));
        if (note.file == NULL) {
            rpc_note_done(&note);
        }
    } while (note.file == NULL);
    cr_assert_eq(note.file_len, len);
    cr_assert_eq(memcmp(note.file, file, len), 0);
    rpc_note_done(&note);
    free(file);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
}

Test(rpc, a_bad_field_of_a_render_is_named_with_its_limit)
{
    static const struct {
        const char *json, *code, *field;
    } cases[] = {
        {"{\"seconds\":601}", "OUT_OF_RANGE", "seconds"},
        {"{\"seconds\":\"3\"}", "WRONG_TYPE", "seconds"},
        {"{\"params\":{\"bpm\":1}}", "OUT_OF_RANGE", "bpm"},
        {"{\"params\":3}", "WRONG_TYPE", "params"},
        {"{\"controls\":[{\"bpm\":100}]}", "BAD_VALUE", "controls[0].at_sample"},
        {"{\"controls\":[{\"at_sample\":1,\"topk\":0}]}", "OUT_OF_RANGE", "controls[0].topk"},
        {"{\"seconds\":1,\"controls\":[{\"at_sample\":48001}]}", "OUT_OF_RANGE",
         "controls[0].at_sample"},
        {"{", "BAD_JSON", ""},
        {"[]", "BAD_MESSAGE", ""},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        char type[64];
        uint64_t seed;
        size_t len;
        json_error_t why;
        cr_assert_null(render(cases[i].json, &len, type, &seed));
        cr_assert_eq(w.status.code, RF_INVALID_ARGUMENT, "%s", cases[i].json);
        json_t *body = json_loads(w.status.message, 0, &why);
        cr_assert_not_null(body, "%s", w.status.message);
        cr_assert_str_eq(str(body, "code"), cases[i].code, "%s", w.status.message);
        cr_assert_str_eq(str(body, "field"), cases[i].field, "%s", w.status.message);
        cr_assert_str_neq(str(body, "message"), "", "%s", w.status.message);
        cr_assert_not_null(json_object_get(body, "limit"), "%s", w.status.message);
        json_decref(body);
    }
}

Test(rpc, the_third_render_at_once_is_refused)
{
    rf_rpc_stream *s[2];
    Jam__V1__RenderRequest request = JAM__V1__RENDER_REQUEST__INIT;
    char type[64];
    uint64_t seed;
    size_t len;
    rf_rpc_item *item;
    request.json = (char *)"{\"seconds\":600}";
    for (size_t i = 0; i < 2; i++) { /* nobody reads them on */
        s[i] = rf_rpc_stream_open(w.channel, JAM_V1_JAM_SERVICE_RENDER, NULL);
        cr_assert_eq(rf_rpc_stream_send(s[i], &request.base, NULL), 0);
        cr_assert_eq(rf_rpc_stream_recv(s[i], &item), 1);
        rf_rpc_item_free(item);
    }
    cr_assert_null(render("{}", &len, type, &seed));
    cr_assert_eq(w.status.code, RF_RESOURCE_EXHAUSTED);
    for (size_t i = 0; i < 2; i++) {
        s[i] = rf_rpc_stream_free(s[i]);
    }
}

static size_t n_renders;

static void look_at_renders(rpc_world *world)
{
    n_renders = world->service.n_renders;
}

/* Its thread waits for a client that takes nothing, which counts as hanging. On a busy machine it
 * may still be filling windows when the clock goes on. */
Test(rpc, a_render_that_hangs_ends_its_call)
{
    const rf_rpc_options options = {.deadline_ns = rf_time_ns() + 3600 * RF_NS_PER_S};
    Jam__V1__RenderRequest request = JAM__V1__RENDER_REQUEST__INIT;
    rf_rpc_item *item;
    request.json = (char *)"{\"seconds\":600}";
    rf_rpc_stream *s = rf_rpc_stream_open(w.channel, JAM_V1_JAM_SERVICE_RENDER_IN_TURN, &options);
    cr_assert_eq(rf_rpc_stream_send(s, &request.base, NULL), 0);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
    rf_rpc_item_free(item);
    rf_time_drive();
    n_renders = 1;
    for (int i = 0; i < 50 && n_renders > 0; i++) {
        usleep(200000);
        rf_time_advance(61 * RF_NS_PER_S);
        rpc_world_do(&w, look_at_renders); /* the loop sees what time it is */
        rpc_world_do(&w, look_at_renders); /* and has looked at its threads */
    }
    cr_assert_eq(n_renders, 0);
    while (rf_rpc_stream_recv(s, &item) == 1) {
        rf_rpc_item_free(item);
    }
    cr_expect_eq(rf_rpc_stream_status(s)->code, RF_CANCELLED, "%s",
                 rf_rpc_stream_status(s)->message);
    s = rf_rpc_stream_free(s);
}

/* ---- drain ---- */

static void drain(rpc_world *world)
{
    jam_rpc_drain(world->rpc);
    jam_service_drain(&world->service, 300);
}

Test(rpc, a_drain_tells_every_socket_and_closes_with_1012_at_the_deadline)
{
    rpc_note note;
    rpc_client c = play("{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    json_decref(rpc_client_find(&c, "chunk"));
    rpc_client idle = rpc_client_open(&w, "tenant");
    rpc_client_say(&idle, "{\"type\":\"ping\"}");
    json_decref(rpc_client_find(&idle, "pong"));
    rpc_world_do(&w, drain);
    json_t *status = rpc_client_find(&c, "status");
    const json_t *draining = json_object_get(status, "draining");
    cr_assert_eq(json_integer_value(json_object_get(draining, "deadline_ms")), 300);
    json_decref(status);
    rpc_client_say(&idle, "{\"type\":\"start\"}");
    json_t *error = rpc_client_find(&idle, "error");
    cr_assert_str_eq(str(error, "code"), "DRAINING");
    cr_assert_eq(json_integer_value(json_object_get(error, "retry_after_ms")), 1000);
    json_decref(error);
    while (rpc_client_next(&c, &note)) {
        rpc_note_done(&note);
    }
    cr_assert_eq(c.closed, 1012);
    cr_assert_eq(rpc_client_close(&c), RF_OK);
    cr_assert_not(rpc_client_next(&idle, &note));
    cr_assert_eq(idle.closed, 1012);
    cr_assert_eq(rpc_client_close(&idle), RF_OK);
    cr_assert_eq(jam_rpc_calls(w.rpc), 0);
}
