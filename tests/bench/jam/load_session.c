#include "load_session.h"

#include "rf_time.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define PAIR_BYTES 8 /* two float32 */
#define WAV_HEAD_BYTES 58

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void note(load_run *run, const char *what, const char *text)
{
    if (run->why[0] == '\0') {
        snprintf(run->why, sizeof(run->why), "%s: %.200s", what, text);
    }
}

static void end(load_session *s)
{
    load_socket_close(&s->socket);
    s->state = LOAD_OVER;
}

static void lose(load_session *s, load_run *run, const char *what, const char *text)
{
    run->lost++;
    note(run, what, text);
    end(s);
}

/* ---- JSON of the server: numbers behind a name that occurs once ---- */

static bool number_at(const char *text, const char *name, double *ret)
{
    char quoted[40];
    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    const char *at = strstr(text, quoted);
    if (at == NULL) {
        return false;
    }
    char *rest;
    double value = strtod(at + strlen(quoted), &rest);
    if (rest == at + strlen(quoted)) {
        return false;
    }
    *ret = value;
    return true;
}

static bool has_type(const char *text, const char *type)
{
    char quoted[40];
    snprintf(quoted, sizeof(quoted), "\"type\":\"%s\"", type);
    return strstr(text, quoted) != NULL;
}

/* The number behind "id":"<letter>, -1 when there is none. */
static long id_of(const char *text, char letter)
{
    char quoted[] = {'"', 'i', 'd', '"', ':', '"', letter, '\0'};
    const char *at = strstr(text, quoted);
    return at == NULL ? -1 : strtol(at + strlen(quoted), NULL, 10);
}

/* ---- the client's side ---- */

static void send_text(load_session *s, load_run *run, const char *text)
{
    if (load_socket_send(&s->socket, text) < 0) {
        lose(s, run, "send", text);
    }
}

void load_session_open(load_session *s, load_run *run)
{
    s->state = LOAD_OPENING;
    if (load_socket_open(&s->socket, run->host, run->port, "/ws/jam", run->key) < 0) {
        lose(s, run, "connect", run->host);
    }
}

static void start(load_session *s, load_run *run)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"type\":\"start\",\"mode\":\"rt\",\"params\":{\"styles\":\"warmup\","
             "\"pace\":\"realtime\",\"crossfade_seconds\":0.04,\"max_decode_frames\":%d}}",
             run->frames);
    s->start_ns = rf_time_ns();
    s->state = LOAD_STARTING;
    send_text(s, run, text);
}

void load_session_update(load_session *s, load_run *run, int64_t now_ns)
{
    char text[128];
    unsigned long n = s->n_updates++;
    run->unanswered += run->measuring && s->updates_ns[n % LOAD_ASKED] != 0;
    s->updates_ns[n % LOAD_ASKED] = now_ns;
    s->applied = -1;
    snprintf(text, sizeof(text), "{\"type\":\"update\",\"id\":\"u%lu\",\"temperature\":%.2f}", n,
             0.5 + 0.01 * (double)(n % 150));
    send_text(s, run, text);
}

static void ping(load_session *s, load_run *run, int64_t now_ns)
{
    char text[64];
    unsigned long n = s->n_pings++;
    run->unanswered += run->measuring && s->pings_ns[n % LOAD_ASKED] != 0;
    s->pings_ns[n % LOAD_ASKED] = now_ns;
    snprintf(text, sizeof(text), "{\"type\":\"ping\",\"id\":\"p%lu\"}", n);
    send_text(s, run, text);
}

int64_t load_session_tick(load_session *s, load_run *run, int64_t now_ns)
{
    if (s->state != LOAD_PLAYING) {
        return RF_NEVER_NS;
    }
    if (run->update_ns > 0 && now_ns >= s->update_at_ns) {
        s->update_at_ns += run->update_ns;
        load_session_update(s, run, rf_time_ns());
    }
    if (s->state == LOAD_PLAYING && run->ping_ns > 0 && now_ns >= s->ping_at_ns) {
        s->ping_at_ns += run->ping_ns;
        ping(s, run, rf_time_ns());
    }
    int64_t update = run->update_ns > 0 ? s->update_at_ns : RF_NEVER_NS;
    int64_t pinged = run->ping_ns > 0 ? s->ping_at_ns : RF_NEVER_NS;
    return update < pinged ? update : pinged;
}

void load_session_stop(load_session *s, load_run *run)
{
    if (s->state == LOAD_OPENING) {
        end(s);
    } else if (s->state != LOAD_OVER) {
        s->state = LOAD_STOPPING;
        send_text(s, run, "{\"type\":\"stop\"}");
    }
}

/* ---- chunks ---- */

/* The file of a chunk; NULL when its text holds none. The caller frees. */
static uint8_t *file_of(const load_socket *socket, size_t *ret_size)
{
    static const char name[] = "\"audio_base64\":\"";
    const char *at = strstr(socket->text, name);
    const char *last = at == NULL ? NULL : strchr(at + sizeof(name) - 1, '"');
    if (last == NULL) {
        return NULL;
    }
    at += sizeof(name) - 1;
    size_t len = (size_t)(last - at);
    uint8_t *file = rf_alloc(len / 4 * 3 + 4);
    int n = EVP_DecodeBlock(file, (const unsigned char *)at, (int)len);
    size_t padding = (size_t)(last[-1] == '=') + (size_t)(last[-2] == '=');
    *ret_size = n < 0 ? 0 : (size_t)n - padding;
    return file;
}

/* The copy rule: the first V samples are, bit for bit, the last V of the chunk before. */
static void check_copy(load_session *s, load_run *run, size_t shared)
{
    size_t size = 0;
    uint8_t *file = file_of(&s->socket, &size);
    size_t bytes = shared * PAIR_BYTES;
    if (file == NULL || size < WAV_HEAD_BYTES + 2 * bytes) {
        run->holes++;
        note(run, "chunk", "no whole file in it");
        free(file);
        return;
    }
    if (s->overlap != NULL && s->overlap_size == bytes) {
        run->copies++;
        if (memcmp(s->overlap, file + WAV_HEAD_BYTES, bytes) != 0) {
            run->broken_copies++;
            note(run, "copy rule", "broken");
        }
    }
    s->overlap = rf_grow(s->overlap, bytes, 1);
    s->overlap_size = bytes;
    memcpy(s->overlap, file + size - bytes, bytes);
    free(file);
}

static void measure_chunk(load_session *s, load_run *run, double lead_ms, double render_ms)
{
    int64_t due_ns = s->origin_ns + (int64_t)((double)s->at * 1e9 / RATE);
    double late_ms = ms(s->socket.first_ns - due_ns);
    load_figures_add(&run->late, late_ms > 0 ? late_ms : 0);
    load_figures_add(&run->told, lead_ms < 0 ? -lead_ms : 0);
    load_figures_add(&run->early, lead_ms > 0 ? lead_ms : 0);
    load_figures_add(&run->render, render_ms);
}

static void on_chunk(load_session *s, load_run *run)
{
    const char *text = s->socket.text;
    const char *metadata = strstr(text, "\"metadata\":");
    double index, at, samples, crossfade, lead, render;
    if (metadata == NULL || !number_at(metadata, "index", &index) ||
        !number_at(metadata, "start_sample", &at) || !number_at(metadata, "samples", &samples) ||
        !number_at(metadata, "crossfade_seconds", &crossfade) ||
        !number_at(metadata, "lead_ms", &lead) || !number_at(metadata, "generation_ms", &render)) {
        lose(s, run, "chunk without metadata", text);
        return;
    }
    if ((int64_t)index != s->index || (int64_t)at != s->at) {
        run->holes++;
        note(run, "hole", metadata);
    }
    if (s->state == LOAD_STARTING) {
        s->state = LOAD_PLAYING;
        s->origin_ns = s->socket.first_ns;
        /* spread, so that the sessions' updates do not fall together */
        s->update_at_ns = s->origin_ns + run->update_ns;
        s->ping_at_ns = s->origin_ns + run->ping_ns / 2;
        load_figures_add(&run->first, ms(s->socket.last_ns - s->start_ns));
    } else if (run->measuring) {
        measure_chunk(s, run, lead, render);
    }
    run->chunks++;
    size_t shared = (size_t)(crossfade * RATE + 0.5);
    s->index = (int64_t)index + 1;
    s->at = (int64_t)at + (int64_t)samples - (int64_t)shared;
    if (s->socket.keep_all) {
        check_copy(s, run, shared);
    }
}

/* ---- everything else ---- */

static void on_answer(load_session *s, load_run *run, int64_t *sent_ns, long id, load_figures *f)
{
    if (id < 0 || sent_ns[id % LOAD_ASKED] == 0) {
        return;
    }
    if (run->measuring) {
        load_figures_add(f, ms(s->socket.first_ns - sent_ns[id % LOAD_ASKED]));
    }
    sent_ns[id % LOAD_ASKED] = 0;
}

static void on_status(load_session *s, load_run *run)
{
    const char *text = s->socket.text;
    double value;
    if (strstr(text, "\"slip_ms\":") != NULL || strstr(text, "\"skip\":") != NULL) {
        run->catch_ups += run->measuring;
        note(run, "catch-up", text);
    }
    long id = id_of(text, 'u');
    on_answer(s, run, s->updates_ns, id, &run->status);
    if (id >= 0 && (unsigned long)id + 1 == s->n_updates &&
        number_at(text, "applied_at_sample", &value)) {
        s->applied = (int64_t)value;
    }
}

static void on_error(load_session *s, load_run *run)
{
    bool busy = strstr(s->socket.text, "\"BUSY\"") != NULL;
    run->busy += busy;
    run->errors += !busy;
    note(run, "error", s->socket.text);
    if (s->state == LOAD_STARTING) {
        end(s);
    }
}

static void on_message(load_session *s, load_run *run)
{
    const char *text = s->socket.text;
    if (strstr(text, "\"audio_base64\":") != NULL) {
        on_chunk(s, run);
    } else if (has_type(text, "status")) {
        on_status(s, run);
    } else if (has_type(text, "pong")) {
        on_answer(s, run, s->pings_ns, id_of(text, 'p'), &run->pong);
    } else if (has_type(text, "error")) {
        on_error(s, run);
    } else if (has_type(text, "stopped") && s->state != LOAD_STOPPING) {
        lose(s, run, "stopped", text);
    }
}

static void on_closed(load_session *s, load_run *run)
{
    char code[16];
    snprintf(code, sizeof(code), "%d", s->socket.close_code);
    if (s->state == LOAD_STOPPING && s->socket.close_code == 1000) {
        end(s);
    } else {
        lose(s, run, "closed with", code);
    }
}

void load_session_readable(load_session *s, load_run *run)
{
    while (s->state != LOAD_OVER) {
        switch (load_socket_step(&s->socket)) {
        case LOAD_NOTHING:
            return;
        case LOAD_OPENED:
            start(s, run);
            break;
        case LOAD_MESSAGE:
            on_message(s, run);
            break;
        case LOAD_CLOSED:
            on_closed(s, run);
            break;
        case LOAD_FAILED:
            lose(s, run, "socket", s->socket.why);
            break;
        }
    }
}

void load_session_done(load_session *s)
{
    if (s->state != LOAD_OVER) {
        end(s);
    }
    free(s->overlap);
    s->overlap = NULL;
}

void load_run_done(load_run *run)
{
    load_figures *all[] = {&run->late,   &run->told,   &run->early, &run->pong,
                           &run->status, &run->render, &run->first};
    for (size_t i = 0; i < RF_ARRAY_LEN(all); i++) {
        load_figures_done(all[i]);
    }
}
