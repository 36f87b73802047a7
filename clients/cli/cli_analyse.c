/* cli_analyse.c - `reflection analyse FILE`: a file in, a lead sheet out. */
#include "cli.h"

#include "cli_analyse.h"
#include "cli_jobs.h"
#include "cli_sheet.h"

#include <stdio.h>
#include <string.h>

#define SHEET_MAX_BYTES (4u << 20)

static const char help[] =
    "Usage: reflection analyse FILE [--json] [--data DIR]\n\n"
    "Uploads FILE, runs music-ai/music-analysis, waits and prints key, tempo, sections and the\n"
    "chords bar by bar. --json prints everything for machines instead.\n";

/* Replaces each https value of the result by the JSON behind it. */
static int inline_files(cli_http *h, json_t *result)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(result, next, name, value)
    {
        const char *url = json_string_value(value);
        if (url == NULL || strncmp(url, "https://", 8) != 0) {
            continue;
        }
        RF_CLEANUP(rf_cleanup_free) char *text = NULL;
        int code = cli_http_get_text(h, url, &text);
        json_t *json = code == CLI_OK ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        if (json == NULL) {
            return code != CLI_OK ? code : cli_fail(CLI_FAILED, "output %s is not JSON", name);
        }
        json_object_set_new(result, name, json);
    }
    return CLI_OK;
}

static void print_sheet(const json_t *result)
{
    rf_buf out;
    rf_buf_init(&out, SHEET_MAX_BYTES);
    cli_sheet_write(&out, json_string_value(json_object_get(result, "key")),
                    json_string_value(json_object_get(result, "bpm")),
                    json_object_get(result, "chordMap"), json_object_get(result, "beatMap"),
                    json_object_get(result, "sectionsMap"), json_object_get(result, "loudness"));
    fputs(rf_buf_str(&out), stdout);
    rf_buf_done(&out);
}

int cli_analyse_file(cli_http *h, const char *file, bool as_json)
{
    RF_CLEANUP(rf_cleanup_free) char *url = NULL;
    RF_CLEANUP(rf_cleanup_free) char *id = NULL;
    json_t *job = NULL;
    int code = cli_http_upload(h, file, &url);
    if (code == CLI_OK) {
        json_t *params = json_pack("{s:s}", "inputUrl", url);
        code = cli_jobs_submit(h, "analyse", "music-ai/music-analysis", params, NULL, &id);
        json_decref(params);
    }
    if (code == CLI_OK) {
        code = cli_jobs_wait(h, id, &job);
    }
    if (code == CLI_OK) {
        code = cli_jobs_succeeded(job);
    }
    json_t *result = json_object_get(job, "result");
    if (code == CLI_OK) {
        code = inline_files(h, result);
    }
    if (code == CLI_OK && as_json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (code == CLI_OK) {
        print_sheet(result);
    }
    json_decref(job);
    return code;
}

int cli_analyse_main(int argc, char **argv)
{
    const char *file = NULL;
    const char *data = NULL;
    bool as_json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
        if (strcmp(argv[i], "--json") == 0) {
            as_json = true;
        } else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            data = argv[++i];
        } else if (file == NULL && argv[i][0] != '-') {
            file = argv[i];
        } else {
            return cli_fail(CLI_USAGE,
                            "unexpected argument \"%s\"; see `reflection analyse --help`", argv[i]);
        }
    }
    if (file == NULL) {
        return cli_fail(CLI_USAGE, "give a file; see `reflection analyse --help`");
    }
    cli_server server;
    int code = cli_server_find(data, &server);
    if (code == CLI_OK) {
        cli_http *h = cli_http_new(&server);
        code = cli_analyse_file(h, file, as_json);
        cli_http_free(h);
        cli_server_done(&server);
    }
    return code;
}
