#include "jam_asyncapi.h"

#include "jam_answer.h"
#include "jam_chunk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A property of an object that only the server writes, or that is no field of the table. */
typedef struct property {
    const char *name;
    const char *schema; /* JSON; NULL: written from its enum */
    bool required;
} property;

#define TEXT "{\"type\":\"string\"}"
#define BOOL "{\"type\":\"boolean\"}"
#define NUMBER "{\"type\":\"number\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define NAMES "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define TOKEN "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}"
#define ID "{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}"
#define STYLES                                                                                     \
    "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"object\",\"required\":[\"name\","   \
    "\"weight\"],\"properties\":{\"name\":{\"type\":\"string\"},\"weight\":{\"type\":\"number\","  \
    "\"minimum\":0,\"maximum\":1}}}}"
#define FORMATS "{\"enum\":[\"wav-f32\",\"wav-s16\",\"opus\",\"flac\"]}"

static const property start_properties[] = {
    {"mode", "{\"enum\":[\"rt\"]}", false},
    {"binary_audio", BOOL, false},
    {"session_id", TOKEN, false},
    {"role", "{\"enum\":[\"controller\",\"listener\"]}", false},
    {"listen_token", TOKEN, false},
    {"resume_token", TOKEN, false},
    {"last_index", "{\"type\":\"integer\",\"minimum\":-1}", false},
};

static const property ping_properties[] = {
    {"buffer_ms", "{\"type\":\"number\",\"minimum\":0,\"maximum\":60000}", false},
};

static const property started_properties[] = {
    {"mode", "{\"const\":\"rt\"}", true},
    {"steering_assets", "{\"const\":\"none\"}", true},
    {"session_id", TEXT, true},
    {"sample_rate", "{\"const\":48000}", true},
    {"channels", "{\"const\":2}", true},
    {"seed", COUNT, true},
    {"engine", TEXT, true},
    {"engine_info",
     "{\"type\":\"object\",\"required\":[\"version\",\"kind\",\"gpu\"],\"properties\":{"
     "\"version\":" TEXT ",\"kind\":" TEXT ",\"gpu\":" BOOL ",\"model\":" TEXT_OR_NULL
     ",\"soundfont_sha256\":" TEXT_OR_NULL "}}",
     true},
    {"overlap", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":4800}", true},
    {"crossfade_seconds", "{\"type\":\"number\",\"minimum\":0,\"maximum\":0.1}", true},
    {"chunk_frames", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}", true},
    {"format", FORMATS, true},
    {"pace", "{\"enum\":[\"realtime\",\"asap\"]}", true},
    {"role", "{\"enum\":[\"controller\",\"listener\"]}", true},
    {"styles", STYLES, true},
    {"resume_token", TEXT_OR_NULL, true},
    {"resumed", BOOL, true},
    {"next_index", COUNT, true},
};

static const property metadata_properties[] = {
    {"sample_rate", "{\"const\":48000}", true},
    {"channels", "{\"const\":2}", true},
    {"crossfade_seconds", "{\"type\":\"number\",\"minimum\":0,\"maximum\":0.1}", true},
    {"chunk_frames", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}", true},
    {"chunk_seconds", NUMBER, true},
    {"index", COUNT, true},
    {"start_sample", COUNT, true},
    {"samples", COUNT, true},
    {"format", FORMATS, true},
    {"seed", COUNT, true},
    {"styles", STYLES, true},
    {"bpm", NUMBER, true},
    {"rev", COUNT, true},
    {"bar", "{\"type\":\"integer\",\"minimum\":1}", true},
    {"beat", "{\"type\":\"number\",\"minimum\":1,\"exclusiveMaximum\":5}", true},
    {"generation_ms", NUMBER, true},
    {"lead_ms", NUMBER, true},
};

#define METADATA "{\"$ref\":\"#/components/schemas/metadata\"}"

static const property chunk_properties[] = {
    {"audio_base64", "{\"type\":\"string\",\"contentEncoding\":\"base64\"}", true},
    {"metadata", METADATA, true},
};

static const property chunk_meta_properties[] = {{"metadata", METADATA, true}};

static const property status_properties[] = {
    {"rev", COUNT, true},
    {"applied_at_sample", COUNT, false},
    {"updated", NAMES, true},
    {"ignored", NAMES, false},
    {"unsupported", NAMES, false},
    {"scheduled",
     "{\"type\":\"object\",\"required\":[\"at_sample\",\"at_bar\"],\"properties\":{"
     "\"at_sample\":" COUNT ",\"at_bar\":" COUNT "}}",
     false},
    {"late_ms", NUMBER, false},
    {"slip_ms", NUMBER, false},
    {"skip",
     "{\"type\":\"object\",\"required\":[\"from\",\"to\"],\"properties\":{\"from\":" COUNT
     ",\"to\":" COUNT "}}",
     false},
    {"paused", BOOL, false},
    {"resumed", BOOL, false},
    {"reset", "{\"type\":\"object\",\"properties\":{\"seed\":" COUNT "}}", false},
    {"draining", "{\"type\":\"object\",\"properties\":{\"deadline_ms\":" COUNT "}}", false},
    {"style_match",
     "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"style\":" TEXT
     ",\"name\":" TEXT_OR_NULL ",\"score\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}}}",
     false},
    {"recording",
     "{\"type\":\"object\",\"required\":[\"id\",\"state\",\"code\"],\"properties\":{"
     "\"id\":" TEXT_OR_NULL
     ",\"state\":{\"enum\":[\"waiting\",\"recording\",\"interrupted\",\"stopping\",\"stored\","
     "\"incomplete\",\"pending\",\"failed\"]},\"code\":" TEXT_OR_NULL ",\"key\":" TEXT_OR_NULL
     ",\"start_sample\":" COUNT ",\"samples\":" COUNT ",\"missing_samples\":" COUNT
     ",\"missing\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":" COUNT "}}}}",
     false},
};

static const property error_properties[] = {
    {"error", "{\"type\":\"string\",\"maxLength\":512}", true},
    {"field", TEXT_OR_NULL, true},
    {"limit",
     "{\"type\":[\"object\",\"null\"],\"required\":[\"min\",\"max\"],\"properties\":{"
     "\"min\":" NUMBER ",\"max\":" NUMBER "}}",
     true},
    {"code", NULL, true},
    {"retry_after_ms", COUNT, false},
    {"queue_place", COUNT, false},
};

static const property stopped_properties[] = {
    {"reason", NULL, true},
    {"chunks_sent", COUNT, true},
    {"samples_sent", COUNT, true},
};

/* A message of either side. */
typedef struct message {
    const char *type;
    bool from_client;
    unsigned when; /* jam_field_when of the fields it holds; 0 for none */
    bool nested;   /* fields stand in params alone */
    const property *properties;
    size_t n_properties;
    const char *help;
} message;

#define PROPERTIES(list) (list), RF_ARRAY_LEN(list)

static const message messages[] = {
    {"start", true, JAM_WHEN_START, true, PROPERTIES(start_properties),
     "Opens, joins or resumes a session."},
    {"update", true, JAM_WHEN_UPDATE, false, NULL, 0,
     "Changes controls; an absent field keeps its value. Fields may also stand in `params`."},
    {"stop", true, 0, false, NULL, 0, "Ends the session."},
    {"ping", true, 0, false, PROPERTIES(ping_properties), "Asks for a pong."},
    {"pause", true, 0, false, NULL, 0, "Holds the stream, for at most 600 s."},
    {"resume", true, 0, false, NULL, 0, "Goes on at the next sample."},
    {"reset_context", true, JAM_WHEN_RESET, false, NULL, 0,
     "Forgets what was played, keeps the controls."},
    {"started", false, 0, false, PROPERTIES(started_properties), "The session plays."},
    {"chunk", false, 0, false, PROPERTIES(chunk_properties), "One file of audio, in text mode."},
    {"chunk_meta", false, 0, false, PROPERTIES(chunk_meta_properties),
     "What the binary frame before it holds."},
    {"status", false, 0, false, PROPERTIES(status_properties), "What has come to hold, and notes."},
    {"error", false, 0, false, PROPERTIES(error_properties), "Something failed."},
    {"stopped", false, 0, false, PROPERTIES(stopped_properties), "Only the close follows."},
    {"pong", false, 0, false, NULL, 0, "Answers a ping."},
};

static void text(jam_text *t, const char *key, const char *value)
{
    jam_text_key(t, key);
    jam_text_string(t, value);
}

static void json(jam_text *t, const char *key, const char *value)
{
    jam_text_key(t, key);
    jam_text_json(t, value);
}

static void open_key(jam_text *t, const char *key, char bracket)
{
    jam_text_key(t, key);
    jam_text_open(t, bracket);
}

static void write_range(jam_text *t, const char *type, double min, double max)
{
    text(t, "type", type);
    jam_text_key(t, "minimum");
    jam_text_f64(t, min);
    jam_text_key(t, "maximum");
    jam_text_f64(t, max);
}

static void write_number(jam_text *t, const jam_field_def *def)
{
    jam_text_open(t, '{');
    write_range(t, "number", def->min, def->max);
    jam_text_close(t, '}');
}

static void write_choices(jam_text *t, jam_field field)
{
    char name[JAM_CHOICE_SIZE];
    open_key(t, "enum", '[');
    for (int i = 0; jam_field_choice_name(field, i, name)[0] != '\0'; i++) {
        jam_text_string(t, name);
    }
    jam_text_close(t, ']');
}

/* A comma list or an array. */
static void write_list(jam_text *t, jam_field field)
{
    const jam_field_def *def = jam_field_get(field);
    open_key(t, "oneOf", '[');
    jam_text_json(t, TEXT);
    jam_text_open(t, '{');
    text(t, "type", "array");
    jam_text_key(t, "maxItems");
    jam_text_i64(t, field == JAM_FIELD_CENTROID_WEIGHTS ? 64 : JAM_STYLES_MAX);
    jam_text_key(t, "items");
    if (def->kind == JAM_KIND_NAMES) {
        jam_text_json(t, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}");
    } else {
        write_number(t, def);
    }
    jam_text_close(t, '}');
    jam_text_close(t, ']');
}

static void write_stems(jam_text *t, const jam_field_def *def)
{
    text(t, "type", "object");
    open_key(t, "properties", '{');
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        open_key(t, jam_stem_name((jam_stem)i), '{');
        text(t, "type", "object");
        open_key(t, "properties", '{');
        jam_text_key(t, "gain_db");
        write_number(t, def);
        json(t, "mute", BOOL);
        json(t, "solo", BOOL);
        jam_text_close(t, '}');
        jam_text_close(t, '}');
    }
    jam_text_close(t, '}');
}

static void write_ramp(jam_text *t, const jam_field_def *def)
{
    open_key(t, "oneOf", '[');
    jam_text_open(t, '{');
    write_range(t, "integer", def->min, def->max);
    jam_text_close(t, '}');
    jam_text_open(t, '{');
    text(t, "type", "object");
    open_key(t, "properties", '{');
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if (jam_field_get((jam_field)i)->ramps) {
            open_key(t, jam_field_get((jam_field)i)->name, '{');
            write_range(t, "integer", def->min, def->max);
            jam_text_close(t, '}');
        }
    }
    jam_text_close(t, '}');
    jam_text_close(t, '}');
    jam_text_close(t, ']');
}

static void write_kind(jam_text *t, jam_field field)
{
    const jam_field_def *def = jam_field_get(field);
    switch (def->kind) {
    case JAM_KIND_NUMBER:
        write_range(t, "number", def->min, def->max);
        break;
    case JAM_KIND_INTEGER:
        write_range(t, "integer", def->min, def->max);
        break;
    case JAM_KIND_AUTO_NUMBER:
        open_key(t, "oneOf", '[');
        write_number(t, def);
        jam_text_json(t, "{\"const\":\"auto\"}");
        jam_text_close(t, ']');
        break;
    case JAM_KIND_CHOICE:
        write_choices(t, field);
        break;
    case JAM_KIND_NAME:
        text(t, "type", "string");
        json(t, "minLength", "1");
        json(t, "maxLength", "128");
        break;
    case JAM_KIND_NAMES:
    case JAM_KIND_NUMBERS:
        write_list(t, field);
        break;
    case JAM_KIND_STEMS:
        write_stems(t, def);
        break;
    case JAM_KIND_RAMP:
        write_ramp(t, def);
        break;
    case JAM_KIND_RECORD:
        json(t, "oneOf",
             "[{\"type\":\"boolean\"},{\"type\":\"object\",\"properties\":{\"name\":" TOKEN "}}]");
        break;
    }
}

static void write_field(jam_text *t, jam_field field)
{
    const jam_field_def *def = jam_field_get(field);
    open_key(t, def->name, '{');
    write_kind(t, field);
    if (def->def[0] != '\0') {
        json(t, "default", def->def);
    }
    if (def->unit[0] != '\0') {
        text(t, "x-unit", def->unit);
    }
    text(t, "description", def->help);
    jam_text_close(t, '}');
}

static void write_fields(jam_text *t, unsigned when)
{
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if ((jam_field_get((jam_field)i)->when & when) != 0) {
            write_field(t, (jam_field)i);
        }
    }
}

static void write_params(jam_text *t, unsigned when)
{
    open_key(t, "params", '{');
    text(t, "type", "object");
    open_key(t, "properties", '{');
    write_fields(t, when);
    jam_text_close(t, '}');
    jam_text_close(t, '}');
}

static void write_properties(jam_text *t, const property *properties, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (properties[i].schema != NULL) {
            json(t, properties[i].name, properties[i].schema);
        }
    }
}

static void write_required(jam_text *t, const property *properties, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (properties[i].required) {
            jam_text_string(t, properties[i].name);
        }
    }
}

static void write_codes(jam_text *t)
{
    open_key(t, "code", '{');
    open_key(t, "enum", '[');
    for (size_t i = 0; i < JAM_N_CODES; i++) {
        jam_text_string(t, jam_code_name((jam_code)i));
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

static void write_reasons(jam_text *t)
{
    open_key(t, "reason", '{');
    open_key(t, "enum", '[');
    for (size_t i = 0; i < JAM_N_REASONS; i++) {
        jam_text_string(t, jam_reason_name((jam_reason)i));
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

static void write_own(jam_text *t, const message *m)
{
    if (strcmp(m->type, "error") == 0) {
        write_codes(t);
    }
    if (strcmp(m->type, "stopped") == 0) {
        write_reasons(t);
    }
    if (m->nested) {
        write_params(t, m->when);
    } else {
        write_fields(t, m->when);
    }
}

static void write_payload(jam_text *t, const message *m)
{
    open_key(t, "payload", '{');
    text(t, "type", "object");
    open_key(t, "required", '[');
    jam_text_string(t, "type");
    write_required(t, m->properties, m->n_properties);
    jam_text_close(t, ']');
    open_key(t, "properties", '{');
    open_key(t, "type", '{');
    text(t, "const", m->type);
    jam_text_close(t, '}');
    json(t, "id", ID);
    write_properties(t, m->properties, m->n_properties);
    write_own(t, m);
    jam_text_close(t, '}');
    jam_text_close(t, '}');
}

static void write_messages(jam_text *t)
{
    open_key(t, "messages", '{');
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        open_key(t, messages[i].type, '{');
        text(t, "name", messages[i].type);
        text(t, "summary", messages[i].help);
        text(t, "contentType", "application/json");
        write_payload(t, &messages[i]);
        jam_text_close(t, '}');
    }
    json(t, "audio",
         "{\"name\":\"audio\",\"summary\":\"A binary frame: one complete file, in binary mode.\","
         "\"contentType\":\"application/octet-stream\",\"payload\":{\"type\":\"string\","
         "\"format\":\"binary\"}}");
    jam_text_close(t, '}');
}

static void write_ref(jam_text *t, const char *key, const char *to, const char *name)
{
    char ref[96];
    (void)snprintf(ref, sizeof(ref), "%s%s", to, name);
    if (key != NULL) {
        open_key(t, key, '{');
    } else {
        jam_text_open(t, '{');
    }
    text(t, "$ref", ref);
    jam_text_close(t, '}');
}

static void write_channel(jam_text *t)
{
    open_key(t, "channels", '{');
    open_key(t, "jam", '{');
    text(t, "address", "/ws/jam");
    open_key(t, "messages", '{');
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        write_ref(t, messages[i].type, "#/components/messages/", messages[i].type);
    }
    write_ref(t, "audio", "#/components/messages/", "audio");
    jam_text_close(t, '}');
    json(t, "bindings",
         "{\"ws\":{\"method\":\"GET\",\"query\":{\"type\":\"object\",\"properties\":{"
         "\"api_key\":" TEXT "}}}}");
    jam_text_close(t, '}');
    jam_text_close(t, '}');
}

/* What the server receives, or sends. */
static void write_operation(jam_text *t, const char *name, const char *action, bool from_client)
{
    open_key(t, name, '{');
    text(t, "action", action);
    write_ref(t, "channel", "#/channels/", "jam");
    open_key(t, "messages", '[');
    for (size_t i = 0; i < RF_ARRAY_LEN(messages); i++) {
        if (messages[i].from_client == from_client) {
            write_ref(t, NULL, "#/channels/jam/messages/", messages[i].type);
        }
    }
    if (!from_client) {
        write_ref(t, NULL, "#/channels/jam/messages/", "audio");
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

static void write_components(jam_text *t)
{
    open_key(t, "components", '{');
    write_messages(t);
    open_key(t, "schemas", '{');
    open_key(t, "metadata", '{');
    text(t, "type", "object");
    open_key(t, "required", '[');
    write_required(t, PROPERTIES(metadata_properties));
    jam_text_close(t, ']');
    open_key(t, "properties", '{');
    write_properties(t, PROPERTIES(metadata_properties));
    jam_text_close(t, '}');
    jam_text_close(t, '}');
    jam_text_close(t, '}');
    jam_text_close(t, '}');
}

/* "wss://host" in its two parts. */
static void write_server(jam_text *t, const char *url)
{
    const char *host = strstr(url, "://");
    if (host == NULL) {
        return;
    }
    char protocol[8];
    (void)snprintf(protocol, sizeof(protocol), "%.*s", (int)(host - url), url);
    open_key(t, "servers", '{');
    open_key(t, "gateway", '{');
    text(t, "host", host + 3);
    text(t, "protocol", protocol);
    jam_text_close(t, '}');
    jam_text_close(t, '}');
}

static void write_document(jam_text *t, const char *server_url)
{
    jam_text_open(t, '{');
    text(t, "asyncapi", "3.0.0");
    json(t, "info",
         "{\"title\":\"reflection jam\",\"version\":\"1\",\"description\":\"Endless music over one"
         " WebSocket, steered live. A field with value null counts as absent.\"}");
    write_server(t, server_url);
    write_channel(t);
    open_key(t, "operations", '{');
    write_operation(t, "steer", "receive", true);
    write_operation(t, "play", "send", false);
    jam_text_close(t, '}');
    write_components(t);
    jam_text_close(t, '}');
}

int jam_asyncapi_write(rf_buf *out, const char *server_url)
{
    char *to = rf_buf_reserve(out, JAM_ASYNCAPI_MAX);
    if (to == NULL) {
        return rf_buf_error(out);
    }
    jam_text t;
    jam_text_init(&t, to, JAM_ASYNCAPI_MAX);
    write_document(&t, server_url);
    rf_buf_added(out, t.full ? 0 : t.len);
    return t.full ? -ENOSPC : 0;
}
