#include "face_words.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* ---- members of a command ---- */

const char *face_text_of(const json_t *in, const char *name)
{
    return json_string_value(json_object_get(in, name));
}

int64_t face_number_of(const json_t *in, const char *name, int64_t absent)
{
    const json_t *value = json_object_get(in, name);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : absent;
}

bool face_is_set(const json_t *in, const char *name)
{
    return json_is_true(json_object_get(in, name));
}

bool face_is_text(const json_t *in, const char *name, const char *text)
{
    const char *value = face_text_of(in, name);
    return value != NULL && strcmp(value, text) == 0;
}

reflection_recorder_bound face_place_of(const json_t *in, const char *name)
{
    const json_t *value = json_object_get(in, name);
    const char *text = json_string_value(value);
    if (json_is_object(value)) {
        return (reflection_recorder_bound){REFLECTION_RECORDER_UTC, face_number_of(value, "ns", 0)};
    }
    if (text != NULL && strncmp(text, "f:", 2) == 0) {
        return (reflection_recorder_bound){REFLECTION_RECORDER_FRAME, strtoll(text + 2, NULL, 10)};
    }
    return (reflection_recorder_bound){REFLECTION_RECORDER_AUTO, 0};
}

/* The number of a format; a name that is none gives a number that is none. */
reflection_recorder_format face_format_of(const json_t *in, const char *name)
{
    const char *text = face_text_of(in, name);
    return text == NULL ? REFLECTION_RECORDER_DEFAULT
                        : (reflection_recorder_format)reflection_recorder_format_parse(text);
}

reflection_recorder_output face_output_of(const json_t *in)
{
    return (reflection_recorder_output){.format = face_format_of(in, "format"),
                                        .rate_hz = (uint32_t)face_number_of(in, "rate", 0),
                                        .channels = (uint32_t)face_number_of(in, "channels", 0)};
}

/* ---- answers ---- */

void face_set_i64(json_t *out, const char *name, int64_t value)
{
    json_object_set_new(out, name, json_integer((json_int_t)value));
}

void face_say_fault(const reflection_recorder_fault *f, json_t *out)
{
    json_object_set_new(out, "ok", json_false());
    json_object_set_new(out, "code", json_string(reflection_recorder_code_name(f->code)));
    face_set_i64(out, "errno", -f->err);
    json_object_set_new(out, "message", json_string(f->message));
    json_object_set_new(out, "field", json_string(f->field));
    json_object_set_new(out, "retryable", json_boolean(f->retryable));
    if (f->has_available) {
        json_object_set_new(out, "available",
                            json_pack("{s:I,s:I,s:I,s:I}", "from_ns",
                                      (json_int_t)f->available.from_ns, "to_ns",
                                      (json_int_t)f->available.to_ns, "from_frame",
                                      (json_int_t)f->available.from_frame, "to_frame",
                                      (json_int_t)f->available.to_frame));
    }
}

int face_keep(void *user, const void *data, size_t len)
{
    return rf_buf_append(user, data, len);
}

void face_say_bytes(const rf_buf *bytes, bool with_data, json_t *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    EVP_Digest(bytes->data, bytes->len, digest, &len, EVP_sha256(), NULL);
    for (unsigned int i = 0; i < len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    face_set_i64(out, "bytes", (int64_t)bytes->len);
    json_object_set_new(out, "sha256", json_string(hex));
    if (with_data) {
        RF_CLEANUP(rf_cleanup_free) char *text = rf_alloc(bytes->len / 3 * 4 + 5);
        EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes->data, (int)bytes->len);
        json_object_set_new(out, "data", json_string(text));
    }
}
