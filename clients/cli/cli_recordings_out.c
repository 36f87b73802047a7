/* cli_recordings_out.c - `reflection recordings`: cut, peaks and play-info. */
#include "cli_recordings.h"

#include "cli_meter.h"

#include <stdio.h>
#include <string.h>

static int add_place(rf_buf *path, const char *name, const char *text, const json_t *session)
{
    char place[CLI_PLACE_SIZE];
    if (text == NULL) {
        return CLI_OK;
    }
    if (cli_recordings_place(text, (uint32_t)cli_recordings_number(session, "rate"), place) < 0) {
        return cli_fail(CLI_USAGE,
                        "--%s is seconds, f: and a frame, or a time with its zone, not \"%s\"",
                        name, text);
    }
    cli_recordings_add(path, name, place);
    return CLI_OK;
}

/* ---- cut and peaks ---- */

static const char *extension_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && strchr(dot, '/') == NULL ? dot + 1 : "";
}

static const char *format_of(const cli_recordings_ask *a)
{
    static const char *const known[] = {"wav", "flac", "mp3", "opus", "pcm"};
    for (size_t i = 0; a->format == NULL && i < RF_ARRAY_LEN(known); i++) {
        if (strcmp(extension_of(a->out), known[i]) == 0) {
            return known[i];
        }
    }
    return a->format != NULL ? a->format : "wav";
}

int cli_recordings_cut(const cli_recordings_ask *a)
{
    json_t *session = NULL;
    rf_buf path;
    if (a->out == NULL) {
        return cli_fail(CLI_USAGE, "cut needs --out FILE");
    }
    int code = cli_recordings_get(a, &session);
    rf_buf_init(&path, CLI_RECORDINGS_PATH_MAX);
    rf_buf_printf(&path, "/recordings/%s/segment", cli_recordings_text(session, "id"));
    code = code == CLI_OK ? add_place(&path, "from", a->from, session) : code;
    code = code == CLI_OK ? add_place(&path, "to", a->to, session) : code;
    if (code == CLI_OK) {
        cli_recordings_add(&path, "format", format_of(a));
        cli_recordings_add(&path, "rate", a->rate);
        cli_recordings_add(&path, "channels", a->channels);
        cli_recordings_add(&path, "clip", a->clip ? "true" : NULL);
        cli_recordings_add(&path, "wait_ms", a->wait_ms);
        code = cli_http_get_api_file(a->http, rf_buf_str(&path), a->out);
    }
    rf_buf_done(&path);
    json_decref(session);
    return code;
}

static int get_peaks(const cli_recordings_ask *a, const char *path, bool is_json)
{
    json_t *peaks = NULL;
    if (a->out != NULL) {
        return cli_http_get_api_file(a->http, path, a->out);
    }
    int code = is_json ? cli_http_json(a->http, "GET", path, NULL, &peaks) : CLI_USAGE;
    if (code == CLI_OK) {
        json_dumpf(peaks, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(peaks);
    return code;
}

int cli_recordings_peaks(const cli_recordings_ask *a)
{
    json_t *session = NULL;
    rf_buf path;
    const bool is_json = a->out == NULL || strcmp(extension_of(a->out), "json") == 0;
    int code = cli_recordings_get(a, &session);
    rf_buf_init(&path, CLI_RECORDINGS_PATH_MAX);
    rf_buf_printf(&path, "/recordings/%s/peaks?format=%s", cli_recordings_text(session, "id"),
                  is_json ? "json" : "dat");
    code = code == CLI_OK ? add_place(&path, "from", a->from, session) : code;
    code = code == CLI_OK ? add_place(&path, "to", a->to, session) : code;
    if (code == CLI_OK) {
        cli_recordings_add(&path, "spp", a->spp);
        cli_recordings_add(&path, "bits", a->bits);
        code = get_peaks(a, rf_buf_str(&path), is_json);
    }
    rf_buf_done(&path);
    json_decref(session);
    return code;
}

/* ---- play-info ---- */

static const char *content_type_of(const char *format)
{
    return strcmp(format, "mp3") == 0    ? "audio/mpeg"
           : strcmp(format, "opus") == 0 ? "audio/ogg"
           : strcmp(format, "flac") == 0 ? "audio/flac"
                                         : "audio/wav";
}

/* Raw PCM is no file that plays by itself: it is asked for as WAV. */
static json_t *play_document(const cli_recordings_ask *a, const json_t *s)
{
    const char *state = cli_recordings_text(s, "state");
    const char *stored = cli_recordings_text(s, "store_format");
    const char *format = strcmp(stored, "pcm") == 0 ? "wav" : stored;
    const bool is_live = strcmp(state, "RECORDING") == 0 || strcmp(state, "PAUSED") == 0 ||
                         strcmp(state, "INTERRUPTED") == 0;
    RF_CLEANUP(rf_cleanup_free)
    char *url = is_live ? rf_asprintf("%s/v1/recordings/%s/stream?from=now&format=mp3",
                                      a->server->url, cli_recordings_text(s, "id"))
                        : rf_asprintf("%s/v1/recordings/%s/segment?format=%s", a->server->url,
                                      cli_recordings_text(s, "id"), format);
    json_t *o = json_pack("{s:s, s:b, s:s, s:s, s:I, s:I, s:I}", "url", url, "live", (int)is_live,
                          "content_type", content_type_of(is_live ? "mp3" : format), "state", state,
                          "duration_ms", (json_int_t)cli_recordings_number(s, "duration_ms"),
                          "rate", (json_int_t)cli_recordings_number(s, "rate"), "channels",
                          (json_int_t)cli_recordings_number(s, "channels"));
    if (a->server->ca_file != NULL) {
        json_object_set_new(o, "ca_file", json_string(a->server->ca_file));
    }
    return o;
}

static void print_play(const json_t *o)
{
    char time[32];
    const char *ca = cli_recordings_text(o, "ca_file");
    printf("%s\n  %s, %s, %lld channels, %lld Hz, %s\n\n"
           "curl -sN %s%s%s-H \"Authorization: Bearer $REFLECTION_API_KEY\" '%s' | ffplay -\n",
           cli_recordings_text(o, "url"), cli_recordings_text(o, "content_type"),
           json_is_true(json_object_get(o, "live")) ? "live" : cli_recordings_text(o, "state"),
           (long long)cli_recordings_number(o, "channels"),
           (long long)cli_recordings_number(o, "rate"),
           cli_meter_time(cli_recordings_number(o, "duration_ms"), time),
           ca[0] != '\0' ? "--cacert '" : "", ca, ca[0] != '\0' ? "' " : "",
           cli_recordings_text(o, "url"));
}

int cli_recordings_play_info(const cli_recordings_ask *a)
{
    json_t *session = NULL;
    int code = cli_recordings_get(a, &session);
    if (code == CLI_OK) {
        json_t *document = play_document(a, session);
        if (a->as_json) {
            cli_recordings_print(document);
        } else {
            print_play(document);
        }
        json_decref(document);
    }
    json_decref(session);
    return code;
}
