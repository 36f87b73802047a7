#include "recorder_script.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

json_t *script_noted;

int64_t script_request(server *s, const char *type)
{
    json_decref(script_noted);
    const char *text = server_read(s);
    script_noted = text != NULL ? json_loads(text, 0, NULL) : NULL;
    const char *is = json_string_value(json_object_get(script_noted, "type"));
    return is != NULL && strcmp(is, type) == 0
               ? (int64_t)json_integer_value(json_object_get(script_noted, "req"))
               : -1;
}

void script_answer(server *s, int64_t req, const char *fields)
{
    char text[4096];
    snprintf(text, sizeof(text), "{\"req\":%lld,%s}", (long long)req, fields);
    server_text(s, text);
}

void script_begin(server *s, const char *request, const char *type, int64_t next, int64_t window)
{
    char fields[512];
    int64_t req = script_request(s, request);
    snprintf(fields, sizeof(fields),
             "\"type\":\"%s\",\"session\":\"" SESSION "\",\"key\":\"" KEY "\",\"stream_id\":7,"
             "\"next_frame\":%lld,\"window_frames\":%lld",
             type, (long long)next, (long long)window);
    script_answer(s, req, fields);
}

void script_ack(server *s, int64_t durable)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"type\":\"ack\",\"stream_id\":7,\"frames_received\":%lld,\"frames_durable\":%lld}",
             (long long)durable, (long long)durable);
    server_text(s, text);
}

bool script_read(server *s, script_audio *ret)
{
    size_t len = 0;
    const uint8_t *m = server_read_binary(s, &len);
    uint16_t id;
    if (m == NULL || len < 18) {
        return false;
    }
    memcpy(&id, m + 2, 2);
    memcpy(&ret->n_frames, m + 4, 4);
    memcpy(&ret->first_frame, m + 8, 8);
    memcpy(&ret->first_sample, m + 16, 2);
    ret->type = m[0];
    ret->flags = m[1];
    ret->stream_id = id;
    ret->n_bytes = len - 16;
    return true;
}

void script_stop(server *s)
{
    int64_t req = script_request(s, "stop");
    script_answer(s, req, "\"type\":\"stopped\",\"stream_id\":7,\"segment\":" SEGMENT);
}

void script_http(server *s, int status, const char *headers, const char *body)
{
    char text[4096];
    snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status,
             headers, strlen(body), body);
    server_raw(s, text, strlen(text));
}

/* ---- for tests ---- */

reflection_recorder *script_recorder(const char *url, int64_t attach_ms)
{
    const reflection_recorder_options o = {
        .url = url, .key = "secret", .timeout_ms = WAIT_MS, .attach_ms = attach_ms};
    reflection_recorder *r = NULL;
    reflection_recorder_fault fault;
    cr_assert_eq(reflection_recorder_new(&o, &r, &fault), 0, "%s", fault.message);
    return r;
}

reflection_recorder *script_started(const server *s)
{
    reflection_recorder *r = script_recorder(server_url(s), 0);
    cr_assert_eq(reflection_recorder_init(r), 0, "%s", reflection_recorder_last_fault(r)->message);
    cr_assert_eq(reflection_recorder_start(r, NULL, 0), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    return r;
}

reflection_recorder_code script_code(const reflection_recorder *r)
{
    return reflection_recorder_last_fault(r)->code;
}

/* Samples that spell their frame. */
const int16_t *script_ramp(int64_t first, size_t n)
{
    static int16_t pcm[4096];
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)(first + (int64_t)i);
    }
    return pcm;
}
