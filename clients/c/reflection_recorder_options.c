#include "reflection_recorder_internal.h"

#include <errno.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 600000
#define ATTACH_DEFAULT_MS 60000
#define ATTACH_MAX_MS 3600000

static int in_range(const char *field, int64_t value, int64_t min, int64_t max,
                    reflection_recorder_fault *fault)
{
    return value < min || value > max
               ? reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                   "%s: %lld to %lld, not %lld", field, (long long)min,
                                   (long long)max, (long long)value)
               : 0;
}

static void fill_in(reflection_recorder_options *o)
{
    o->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : TIMEOUT_DEFAULT_MS;
    o->attach_ms = o->attach_ms != 0 ? o->attach_ms : ATTACH_DEFAULT_MS;
    o->channels = o->channels != 0 ? o->channels : 1;
    o->rate_hz = o->rate_hz != 0 ? o->rate_hz : 16000;
    o->chunk_frames = o->chunk_frames != 0 ? o->chunk_frames : 1024;
    o->store_format =
        o->store_format != REFLECTION_RECORDER_DEFAULT ? o->store_format : REFLECTION_RECORDER_WAV;
}

static int check_options(const reflection_recorder_options *o, reflection_recorder_fault *fault)
{
    int err = in_range("timeout_ms", o->timeout_ms, 1, TIMEOUT_MAX_MS, fault);
    err = err == 0 ? in_range("attach_ms", o->attach_ms, -1, ATTACH_MAX_MS, fault) : err;
    err = err == 0 ? in_range("channels", o->channels, 1, 8, fault) : err;
    err = err == 0 ? in_range("rate_hz", o->rate_hz, 8000, 192000, fault) : err;
    err = err == 0 ? in_range("chunk_frames", o->chunk_frames, 64, 65536, fault) : err;
    if (err == 0 && reflection_source_name(o->source)[0] == '\0') {
        err = reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                "source: network, device or file");
    }
    if (err == 0 && reflection_recorder_sample_size(o->sample_format) == 0) {
        err = reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                "sample_format: int16, int24, int32, float32, int8 or uint8");
    }
    if (err == 0 && reflection_recorder_format_name(o->store_format)[0] == '\0') {
        err = reflection_refuse(fault, REFLECTION_RECORDER_UNSUPPORTED_FORMAT,
                                "store_format: wav, pcm, flac, mp3 or opus");
    }
    return err;
}

static char *copy_text(const char *text, bool *failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    *failed = *failed || (text != NULL && copy == NULL);
    return copy;
}

static int read_settings(const char *text, json_t **ret, reflection_recorder_fault *fault)
{
    json_error_t error;
    json_t *object = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (text != NULL && !json_is_object(object)) {
        int err = reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                    "settings: no JSON object: %s",
                                    object == NULL ? error.text : "another value");
        json_decref(object);
        return err;
    }
    *ret = object;
    return 0;
}

static int take_url(const char *text, reflection_url *ret, reflection_recorder_fault *fault)
{
    reflection_jam_fault why = {0};
    if (reflection_url_parse_at(text, "", ret, &why) < 0) {
        return reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT, "%s", why.message);
    }
    size_t len = strlen(ret->path);
    if (strchr(ret->path, '?') != NULL) {
        return reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                 "url: must have no query");
    }
    while (len > 0 && ret->path[len - 1] == '/') {
        ret->path[--len] = '\0';
    }
    return len + sizeof("/ws/recorder") > sizeof(ret->path)
               ? reflection_refuse(fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                   "url: the path is too long")
               : 0;
}

int reflection_take_options(reflection_recorder *r, const reflection_recorder_options *options,
                            reflection_recorder_fault *fault)
{
    bool failed = false;
    r->options = *options;
    fill_in(&r->options);
    int err = take_url(options->url, &r->url, fault);
    err = err == 0 ? check_options(&r->options, fault) : err;
    err = err == 0 ? read_settings(options->settings, &r->settings, fault) : err;
    r->key = copy_text(options->key, &failed);
    r->ca_file = copy_text(options->ca_file, &failed);
    r->source_name = copy_text(options->source_name, &failed);
    r->options.url = r->options.key = r->options.ca_file = NULL;
    r->options.source_name = r->options.settings = NULL;
    r->frame_bytes =
        reflection_recorder_sample_size(r->options.sample_format) * r->options.channels;
    return err == 0 && failed ? reflection_break(fault, -ENOMEM, "no memory") : err;
}
