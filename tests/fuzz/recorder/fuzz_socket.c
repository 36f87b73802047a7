/* Messages of a client of /ws/recorder to a real service: lines of JSON, or binary audio behind a
 * '#'. In a line, SESSION is the id of a session that records and has audio. What the service sends
 * must be JSON objects that name their type. */
#include "recorder_begin.h"
#include "recorder_socket.h"
#include "recorder_text.h"
#include "rf_crypto.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIVE_MAX 60 /* sessions before the service is made anew */
#define RATE 16000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static recorder_service service;
static recorder_config config;
static rf_loop *loop;
static char dir[64];
static char session[RECORDER_ID_TEXT];
static bool closed;
static bool released;
static const recorder_caller caller = {.tenant = "t", .scopes = ""}; /* devices are not for it */

/* ---- the service ---- */

static void load_config(void)
{
    const rf_config_part part = {recorder_settings_rows, recorder_n_settings_rows, &config};
    const rf_config_set set = {.service = "recorder", .parts = &part, .n_parts = 1};
    const char *argv[] = {"fuzz", "--recorder.min_free_mib=0", "--recorder.reserve_mib=0"};
    rf_buf error;
    rf_buf_init(&error, 4096);
    if (rf_config_load(&set, NULL, RF_ARRAY_LEN(argv), (char **)(uintptr_t)argv, &error) < 0) {
        abort();
    }
    rf_buf_done(&error);
}

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    (void)error;
}

static void start_session(void)
{
    static const int16_t audio[RATE];
    recorder_session *s;
    recorder_error error;
    const recorder_begin_ask ask = {
        .caller = caller, .recorder_id = "", .body = "{\"channels\":1}", .publisher = true};
    if (recorder_begin(&service, &ask, on_ready, NULL, &s, &error) != RECORDER_OK ||
        recorder_session_audio(s, 0, RATE, audio, 0, &error) < 0) {
        abort();
    }
    (void)recorder_text_id(s->take->start.id, session);
}

static void open_service(void)
{
    (void)rf_copy_str(dir, sizeof(dir), "/tmp/reflection-fuzz-socket-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        abort();
    }
    RF_CLEANUP(rf_cleanup_free) char *data = rf_asprintf("%s/recorder", dir);
    RF_CLEANUP(rf_cleanup_free) char *store = rf_asprintf("dir:%s/objects", dir);
    loop = rf_loop_new();
    if (recorder_service_open(&service, &config, loop, data, store, NULL) < 0) {
        abort();
    }
    start_session();
}

static void close_service(void)
{
    if (loop == NULL) {
        return;
    }
    recorder_service_close(&service);
    loop = rf_loop_free(loop);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    if (system(command) != 0) {
        abort();
    }
}

/* Sessions that inputs have begun stay; when there are many, all begins again. */
static void renew_service(void)
{
    size_t mine = LIVE_MAX;
    size_t all;
    uint8_t digest[RF_SHA256_LEN];
    if (loop == NULL) {
        uint8_t hash[RF_SHA256_LEN];
        rf_sha256_of("", 0, hash); /* OpenSSL's own end comes behind that of the service */
        load_config();
        rf_sha256_of("", 0, digest); /* OpenSSL's own exit comes after ours then */
        (void)atexit(close_service);
    } else {
        recorder_registry_count(service.registry, "t", &mine, &all);
    }
    if (mine >= LIVE_MAX) {
        close_service();
        open_service();
    }
}

/* ---- the client ---- */

static void on_text(void *user, const char *text, size_t len)
{
    (void)user;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_string(json_object_get(json, "type"))) {
        abort();
    }
    json_decref(json);
}

static int on_binary(void *user, const uint8_t *head, const void *bytes, size_t len)
{
    (void)user;
    (void)head;
    (void)bytes;
    (void)len;
    return 0;
}

static void on_close(void *user, uint32_t code, const char *reason)
{
    (void)user;
    if (code < 1000 || code > 1013 || reason[0] == '\0') {
        abort();
    }
    closed = true;
}

static void on_resume(void *user)
{
    (void)user;
}

static void on_released(void *user)
{
    (void)user;
    released = true;
}

static void send_line(recorder_socket *s, const char *line, size_t len)
{
    static const char word[] = "SESSION";
    const size_t n = sizeof(word) - 1;
    rf_buf text;
    rf_buf_init(&text, 16 * (len + 1) + 1024);
    for (size_t i = 0; i < len; i++) {
        const bool is_word = len - i >= n && memcmp(line + i, word, n) == 0;
        if (rf_buf_append(&text, is_word ? session : line + i, is_word ? strlen(session) : 1) < 0) {
            abort();
        }
        i += is_word ? n - 1 : 0;
    }
    recorder_socket_text(s, rf_buf_str(&text), text.len);
    rf_buf_done(&text);
}

static void play(recorder_socket *s, const char *at, const char *end)
{
    while (at < end && !closed) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        if (*at == '#') {
            (void)recorder_socket_binary(s, at + 1, (size_t)(stop - at - 1), 0);
        } else if (stop > at) {
            send_line(s, at, (size_t)(stop - at));
        }
        rf_loop_settle(loop);
        at = stop + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const recorder_socket_port port = {.text = on_text,
                                              .binary = on_binary,
                                              .close = on_close,
                                              .resume = on_resume,
                                              .released = on_released};
    renew_service();
    closed = false;
    released = false;
    recorder_socket *s = recorder_socket_open(&service, &port, NULL, &caller);
    play(s, (const char *)data, (const char *)data + size);
    recorder_socket_gone(s);
    while (!released) {
        const struct timespec pause = {.tv_nsec = 1000000};
        rf_loop_settle(loop);
        nanosleep(&pause, NULL);
    }
    return 0;
}
