#include "recorder_asyncapi.h"

#include "recorder_change.h"
#include "recorder_code.h"
#include "recorder_live.h"
#include "recorder_meta.h"

#include <stdio.h>
#include <string.h>

#define TEXT "{\"type\":\"string\"}"
#define BOOL "{\"type\":\"boolean\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define INTEGER "{\"type\":\"integer\"}"
#define OBJECT "{\"type\":\"object\"}"
#define OBJECTS "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define ID "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{32}$\"}"
#define STREAM_ID "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}"
#define CHANNELS "{\"type\":\"integer\",\"minimum\":1,\"maximum\":8}"
#define RATE "{\"type\":\"integer\",\"minimum\":8000,\"maximum\":192000}"

typedef struct field {
    const char *name;
    const char *schema; /* JSON; NULL: written from its table */
    bool required;
} field;

#define FIELDS_MAX 12

/* A message of either side; the list of its fields ends with one without a name. */
typedef struct message {
    const char *type;
    bool from_client;
    const char *help;
    field fields[FIELDS_MAX];
} message;

static const message messages[] = {
    {"start",
     true,
     "Begins a session and publishes it here.",
     {{"recorder_id", ID, false},
      {"source", "{\"const\":\"network\"}", false},
      {"prefixes", "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"string\"}}", false},
      {"sample_format", NULL, false},
      {"channels", CHANNELS, false},
      {"rate", RATE, false},
      {"chunk", "{\"type\":\"integer\",\"minimum\":64,\"maximum\":65536}", false},
      {"store_format", NULL, false},
      {"options", NULL, false},
      {"trace_id", "{\"type\":\"string\",\"maxLength\":64}", false},
      {"levels", BOOL, false},
      {NULL, NULL, false}}},
    {"attach",
     true,
     "Publishes a session whose publisher was lost, or that was started without one.",
     {{"session", ID, true}, {"levels", BOOL, false}, {NULL, NULL, false}}},
    {"gap",
     true,
     "Frames that the publisher does not have.",
     {{"stream_id", STREAM_ID, true},
      {"first_frame", COUNT, true},
      {"length", COUNT, true},
      {"cause", NULL, false},
      {NULL, NULL, false}}},
    {"anchor",
     true,
     "When a frame was captured.",
     {{"stream_id", STREAM_ID, true},
      {"frame", COUNT, true},
      {"utc_ns", COUNT, true},
      {NULL, NULL, false}}},
    {"time", true, "Asks for the server's clock.", {{"t0", INTEGER, false}, {NULL, NULL, false}}},
    {"pause", true, "Pauses the session.", {{"stream_id", STREAM_ID, true}, {NULL, NULL, false}}},
    {"resume", true, "Goes on with it.", {{"stream_id", STREAM_ID, true}, {NULL, NULL, false}}},
    {"marker",
     true,
     "Marks a place: now, f: and a frame, or a time with its zone.",
     {{"stream_id", STREAM_ID, true},
      {"label", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":256}", true},
      {"at", TEXT, false},
      {NULL, NULL, false}}},
    {"stop",
     true,
     "Ends the session, once it has last_frame frames or after 10 s.",
     {{"stream_id", STREAM_ID, true}, {"last_frame", COUNT, false}, {NULL, NULL, false}}},
    {"subscribe",
     true,
     "Hears a session: from now, start, or f: and a frame.",
     {{"session", ID, true},
      {"from", TEXT, false},
      {"format", "{\"enum\":[\"pcm\",\"wav\",\"flac\",\"mp3\",\"opus\"]}", false},
      {"rate", RATE, false},
      {"channels", CHANNELS, false},
      {"chunk_size", "{\"type\":\"integer\",\"minimum\":16,\"maximum\":11520000}", false},
      {"framing", "{\"enum\":[\"continuous\",\"standalone\"]}", false},
      {"lag_policy", "{\"enum\":[\"wait\",\"drop\",\"disconnect\"]}", false},
      {"levels", BOOL, false},
      {NULL, NULL, false}}},
    {"unsubscribe",
     true,
     "Ends a subscription.",
     {{"stream_id", STREAM_ID, true}, {NULL, NULL, false}}},
    {"started",
     false,
     "The session is durable; audio may come.",
     {{"session", ID, true},
      {"key", TEXT, true},
      {"stream_id", STREAM_ID, true},
      {"next_frame", COUNT, true},
      {"window_frames", COUNT, true},
      {NULL, NULL, false}}},
    {"attached",
     false,
     "The publisher goes on with next_frame, the first that is not durable.",
     {{"session", ID, true},
      {"key", TEXT, true},
      {"stream_id", STREAM_ID, true},
      {"next_frame", COUNT, true},
      {"window_frames", COUNT, true},
      {NULL, NULL, false}}},
    {"ack",
     false,
     "Frames before frames_durable survive anything and need not be kept.",
     {{"stream_id", STREAM_ID, true},
      {"frames_received", COUNT, true},
      {"frames_durable", COUNT, true},
      {NULL, NULL, false}}},
    {"time",
     false,
     "t1 and t2: UTC ns as the server has it.",
     {{"t0", INTEGER, true}, {"t1", INTEGER, true}, {"t2", INTEGER, true}, {NULL, NULL, false}}},
    {"done",
     false,
     "A pause, resume, marker or unsubscribe is done.",
     {{"frame", COUNT, false},
      {"stream_id", STREAM_ID, false},
      {"last_frame", COUNT, false},
      {"state", NULL, false},
      {NULL, NULL, false}}},
    {"stopped",
     false,
     "The session is stored.",
     {{"stream_id", STREAM_ID, true}, {"segment", OBJECT, false}, {NULL, NULL, false}}},
    {"subscribed",
     false,
     "Audio follows, from first_frame on.",
     {{"stream_id", STREAM_ID, true},
      {"first_frame", COUNT, true},
      {"time_map", OBJECTS, true},
      {NULL, NULL, false}}},
    {"lag",
     false,
     "Frames that a subscriber was too slow for.",
     {{"stream_id", STREAM_ID, true},
      {"first_frame", COUNT, true},
      {"count", COUNT, true},
      {NULL, NULL, false}}},
    {"end",
     false,
     "The last of a subscription; last_frame is how many frames the session has.",
     {{"stream_id", STREAM_ID, true},
      {"last_frame", COUNT, true},
      {"state", NULL, true},
      {NULL, NULL, false}}},
    {"event",
     false,
     "A notice about a session or the server.",
     {{"event", TEXT, true},
      {"session", ID, false},
      {"stream_id", STREAM_ID, false},
      {NULL, NULL, false}}},
    {"error",
     false,
     "What was asked for has failed; the connection goes on.",
     {{"code", NULL, true},
      {"message", TEXT, true},
      {"retryable", BOOL, true},
      {"field", TEXT, false},
      {"available", OBJECT, false},
      {NULL, NULL, false}}},
};

/* ---- from tables ---- */

static const char *state_name(int i)
{
    return recorder_state_name((recorder_state)i);
}

static const char *code_name(int i)
{
    return recorder_code_name((recorder_code)i);
}

static const char *cause_name(int i)
{
    return recorder_gap_cause_name((recorder_gap_cause)i);
}

static const char *store_name(int i)
{
    return recorder_store_format_name((recorder_store_format)i);
}

static json_t *choices(const char *(*name)(int i), int from, int to)
{
    json_t *list = json_array();
    for (int i = from; i < to; i++) {
        json_array_append_new(list, json_string(name(i)));
    }
    return json_pack("{s:o}", "enum", list);
}

static json_t *options(void)
{
    size_t n;
    recorder_options defaults;
    json_t *properties = json_object();
    const recorder_option *rows = recorder_options_table(&n);
    recorder_options_default(&defaults);
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(properties, rows[i].name,
                            json_pack("{s:i,s:i,s:i}", "minimum", rows[i].min, "maximum",
                                      rows[i].max, "default",
                                      recorder_options_get(&defaults, &rows[i])));
    }
    return json_pack("{s:s,s:o}", "type", "object", "properties", properties);
}

static json_t *schema_of(const field *f)
{
    if (f->schema != NULL) {
        return json_loads(f->schema, 0, NULL);
    }
    if (strcmp(f->name, "options") == 0) {
        return options();
    }
    if (strcmp(f->name, "code") == 0) {
        return choices(code_name, RECORDER_OK + 1, RECORDER_N_CODES);
    }
    if (strcmp(f->name, "cause") == 0) {
        return choices(cause_name, 0, RECORDER_N_GAP_CAUSES);
    }
    if (strcmp(f->name, "store_format") == 0) {
        return choices(store_name, 0, RECORDER_N_STORE_FORMATS);
    }
    return strcmp(f->name, "state") == 0
               ? choices(state_name, 0, RECORDER_N_STATES)
               : json_loads("{\"enum\":[\"int8\",\"uint8\",\"int16\",\"int24\",\"int32\","
                            "\"float32\"]}",
                            0, NULL);
}

/* ---- the document ---- */

/* Both sides have a message "time". */
static void key_of(const message *m, char ret[32])
{
    bool both = strcmp(m->type, "time") == 0 && !m->from_client;
    (void)snprintf(ret, 32, "%s%s", m->type, both ? "_answer" : "");
}

static json_t *payload(const message *m)
{
    json_t *required = json_pack("[s]", "type");
    json_t *properties = json_pack("{s:{s:s},s:{}}", "type", "const", m->type, "req");
    for (const field *f = m->fields; f->name != NULL; f++) {
        json_object_set_new(properties, f->name, schema_of(f));
        if (f->required) {
            json_array_append_new(required, json_string(f->name));
        }
    }
    return json_pack("{s:s,s:o,s:o}", "type", "object", "required", required, "properties",
                     properties);
}

static json_t *components(void)
{
    json_t *list = json_object();
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        char key[32];
        const message *m = &messages[i];
        key_of(m, key);
        json_object_set_new(list, key,
                            json_pack("{s:s,s:s,s:s,s:o}", "name", m->type, "summary", m->help,
                                      "contentType", "application/json", "payload", payload(m)));
    }
    json_object_set_new(
        list, "audio",
        json_pack("{s:s,s:s,s:s,s:{s:s,s:s,s:i,s:i}}", "name", "audio", "summary",
                  "A binary message: 16 bytes, little endian (u8 type 1 publish or 2 subscribe, u8 "
                  "flags 1 gap before, 2 last, 4 has silence fill, u16 stream id, u32 frame count, "
                  "u64 first frame), then the audio.",
                  "contentType", "application/octet-stream", "payload", "type", "string", "format",
                  "binary", "minLength", 16, "maxLength", 65536));
    return json_pack("{s:o}", "messages", list);
}

static json_t *ref(const char *to, const char *name)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "%s%s", to, name);
    return json_pack("{s:s}", "$ref", text);
}

static json_t *channel(void)
{
    json_t *list = json_object();
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        char key[32];
        key_of(&messages[i], key);
        json_object_set_new(list, key, ref("#/components/messages/", key));
    }
    json_object_set_new(list, "audio", ref("#/components/messages/", "audio"));
    return json_pack("{s:s,s:o,s:{s:{s:s,s:{s:s,s:{s:{s:s},s:{s:s}}}}}}", "address", "/ws/recorder",
                     "messages", list, "bindings", "ws", "method", "GET", "query", "type", "object",
                     "properties", "api_key", "type", "string", "ticket", "type", "string");
}

/* What the server receives, or sends. */
static json_t *operation(const char *action, bool from_client)
{
    json_t *list = json_array();
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        char key[32];
        key_of(&messages[i], key);
        if (messages[i].from_client == from_client) {
            json_array_append_new(list, ref("#/channels/recorder/messages/", key));
        }
    }
    json_array_append_new(list, ref("#/channels/recorder/messages/", "audio"));
    return json_pack("{s:s,s:o,s:o}", "action", action, "channel", ref("#/channels/", "recorder"),
                     "messages", list);
}

int recorder_asyncapi_write(rf_buf *out)
{
    json_t *root = json_pack(
        "{s:s,s:{s:s,s:s,s:s},s:{s:o},s:{s:o,s:o},s:o}", "asyncapi", "3.0.0", "info", "title",
        "reflection recorder", "version", "1", "description",
        "Live audio kept safely and heard while it comes. Control is JSON of at most 16384 bytes; "
        "req pairs a request with its answer.",
        "channels", "recorder", channel(), "operations", "ask", operation("receive", true), "tell",
        operation("send", false), "components", components());
    return recorder_meta_dump(root, out);
}
