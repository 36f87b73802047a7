/* cli_recordings.c - `reflection recordings`: its arguments, list and show. */
#include "cli_recordings.h"

#include "cli_meter.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 100000
#define PAGE_MAX 500
#define ID_LEN 32

static const char help[] =
    "Usage: reflection recordings list [--state STATE] [--prefix P] [--from T] [--to T]\n"
    "                                  [--limit N]\n"
    "       reflection recordings show ID\n"
    "       reflection recordings cut ID --out FILE [--from PLACE] [--to PLACE] [--format FORMAT]\n"
    "                                  [--rate N] [--channels N] [--clip] [--wait-ms N]\n"
    "       reflection recordings peaks ID [--spp N] [--bits 8|16] [--from PLACE] [--to PLACE]\n"
    "                                  [--out FILE.dat|FILE.json]\n"
    "       reflection recordings play-info ID\n\n"
    "ID is a session's. list shows the newest first. cut writes the audio of a range, exact to\n"
    "the sample, as wav, flac, mp3, opus or pcm [by FILE's extension, else wav]; --clip takes\n"
    "what there is of it, --wait-ms waits for what is still to come. peaks gives what is needed\n"
    "to draw (audiowaveform, version 2), as JSON on standard output without --out. play-info\n"
    "tells where and as what a recording can be heard.\n\n"
    "PLACE is seconds from the beginning (90, 1:30.25, 1:00:00), a frame (f:48000), or a time\n"
    "with its zone (2026-01-02T03:04:05Z). Options: --json for machines, --data DIR.\n";

/* ---- requests ---- */

void cli_recordings_add(rf_buf *path, const char *name, const char *value)
{
    if (value == NULL) {
        return;
    }
    rf_buf_printf(path, "%c%s=", strchr(rf_buf_str(path), '?') != NULL ? '&' : '?', name);
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        const bool plain = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                           (*c >= 'a' && *c <= 'z') || strchr("-._~:", *c) != NULL;
        rf_buf_printf(path, plain ? "%c" : "%%%02X", *c);
    }
}

const char *cli_recordings_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text != NULL ? text : "";
}

int64_t cli_recordings_number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

int cli_recordings_get(const cli_recordings_ask *a, json_t **ret)
{
    if (a->id == NULL || strlen(a->id) != ID_LEN || strspn(a->id, "0123456789abcdef") != ID_LEN) {
        return cli_fail(CLI_USAGE, "give the id of a session, 32 hexadecimal digits; `reflection "
                                   "recordings list` shows them");
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/recordings/%s", a->id);
    return cli_http_json(a->http, "GET", path, NULL, ret);
}

void cli_recordings_print(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

/* ---- list ---- */

static void print_brief(const json_t *s)
{
    char time[32];
    printf("%s  %-11s %10s  %.19sZ  %s\n", cli_recordings_text(s, "id"),
           cli_recordings_text(s, "state"),
           cli_meter_time(cli_recordings_number(s, "duration_ms"), time),
           cli_recordings_text(s, "started_at"), cli_recordings_text(s, "key"));
}

/* One page; *cursor becomes that of the next, NULL after the last. */
static int get_page(const cli_recordings_ask *a, int64_t n, char **cursor, json_t *into)
{
    char size[16];
    rf_buf path;
    json_t *page = NULL;
    rf_buf_init(&path, CLI_RECORDINGS_PATH_MAX);
    (void)snprintf(size, sizeof(size), "%lld", (long long)RF_MIN(n, (int64_t)PAGE_MAX));
    rf_buf_append_str(&path, "/recordings");
    cli_recordings_add(&path, "page_size", size);
    cli_recordings_add(&path, "state", a->state);
    cli_recordings_add(&path, "prefix", a->prefix);
    cli_recordings_add(&path, "from", a->from);
    cli_recordings_add(&path, "to", a->to);
    cli_recordings_add(&path, "cursor", *cursor);
    int code = cli_http_json(a->http, "GET", rf_buf_str(&path), NULL, &page);
    rf_buf_done(&path);
    free(*cursor);
    *cursor = NULL;
    if (code == CLI_OK) {
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        json_array_extend(into, json_object_get(page, "items"));
        *cursor = next != NULL ? rf_strdup(next) : NULL;
    }
    json_decref(page);
    return code;
}

static int list(const cli_recordings_ask *a)
{
    size_t i;
    json_t *item;
    json_t *all = json_array();
    char *cursor = NULL;
    int code = CLI_OK;
    do {
        code = get_page(a, a->limit - (int64_t)json_array_size(all), &cursor, all);
    } while (code == CLI_OK && cursor != NULL && (int64_t)json_array_size(all) < a->limit);
    free(cursor);
    if (code == CLI_OK && a->as_json) {
        cli_recordings_print(all);
    } else if (code == CLI_OK) {
        json_array_foreach(all, i, item)
        {
            print_brief(item);
        }
    }
    json_decref(all);
    return code;
}

/* ---- show ---- */

static void print_segment(const json_t *s)
{
    char time[32];
    const json_t *loudness = json_object_get(s, "loudness");
    printf("segment   %lld: %s, %lld bytes, %s\n", (long long)cli_recordings_number(s, "sequence"),
           cli_meter_time(cli_recordings_number(s, "duration_ms"), time),
           (long long)cli_recordings_number(s, "bytes"), cli_recordings_text(s, "key"));
    if (json_is_object(loudness)) {
        printf("loudness  %.1f LUFS, range %.1f LU, true peak %.1f dBTP\n",
               json_number_value(json_object_get(loudness, "integrated_lufs")),
               json_number_value(json_object_get(loudness, "range_lu")),
               json_number_value(json_object_get(loudness, "true_peak_dbtp")));
    }
}

static void print_session(const json_t *s)
{
    char time[32];
    size_t i;
    json_t *item;
    printf(
        "session   %s\nkey       %s\nstate     %s%s%s\nsource    %s, %s, %lld channels, %lld Hz\n"
        "started   %s\nduration  %s (%lld frames, %lld safe)\n",
        cli_recordings_text(s, "id"), cli_recordings_text(s, "key"),
        cli_recordings_text(s, "state"),
        cli_recordings_text(s, "end_reason")[0] != '\0' ? ", ended by " : "",
        cli_recordings_text(s, "end_reason"), cli_recordings_text(s, "source"),
        cli_recordings_text(s, "sample_format"), (long long)cli_recordings_number(s, "channels"),
        (long long)cli_recordings_number(s, "rate"), cli_recordings_text(s, "started_at"),
        cli_meter_time(cli_recordings_number(s, "duration_ms"), time),
        (long long)cli_recordings_number(s, "frames"),
        (long long)cli_recordings_number(s, "durable_frames"));
    json_array_foreach(json_object_get(s, "segments"), i, item)
    {
        print_segment(item);
    }
    json_array_foreach(json_object_get(s, "gaps"), i, item)
    {
        printf("gap       %lld frames at %lld: %s\n",
               (long long)cli_recordings_number(item, "length_frames"),
               (long long)cli_recordings_number(item, "start_frame"),
               cli_recordings_text(item, "cause"));
    }
    json_array_foreach(json_object_get(s, "markers"), i, item)
    {
        printf("marker    frame %lld: %s\n", (long long)cli_recordings_number(item, "frame"),
               cli_recordings_text(item, "label"));
    }
}

static int show(const cli_recordings_ask *a)
{
    json_t *session = NULL;
    int code = cli_recordings_get(a, &session);
    if (code == CLI_OK && a->as_json) {
        cli_recordings_print(session);
    } else if (code == CLI_OK) {
        print_session(session);
    }
    json_decref(session);
    return code;
}

/* ---- arguments ---- */

static const struct {
    const char *name;
    int (*fn)(const cli_recordings_ask *a);
    bool has_id;
} verbs[] = {{"list", list, false},
             {"show", show, true},
             {"cut", cli_recordings_cut, true},
             {"peaks", cli_recordings_peaks, true},
             {"play-info", cli_recordings_play_info, true}};

static const struct option options[] = {
    {"state", required_argument, NULL, 0},   {"prefix", required_argument, NULL, 1},
    {"from", required_argument, NULL, 2},    {"to", required_argument, NULL, 3},
    {"out", required_argument, NULL, 4},     {"format", required_argument, NULL, 5},
    {"rate", required_argument, NULL, 6},    {"channels", required_argument, NULL, 7},
    {"wait-ms", required_argument, NULL, 8}, {"spp", required_argument, NULL, 9},
    {"bits", required_argument, NULL, 10},   {"data", required_argument, NULL, 11},
    {"limit", required_argument, NULL, 'l'}, {"clip", no_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},        {NULL, 0, NULL, 0},
};

static int take_limit(cli_recordings_ask *a)
{
    if (rf_parse_i64(optarg, &a->limit) < 0 || a->limit < 1 || a->limit > LIMIT_MAX) {
        return cli_fail(CLI_USAGE, "--limit is a whole number of 1 to %d, not \"%s\"", LIMIT_MAX,
                        optarg);
    }
    return CLI_OK;
}

static int parse(cli_recordings_ask *a, int argc, char **argv)
{
    const char **texts[] = {&a->state, &a->prefix,   &a->from,    &a->to,  &a->out,  &a->format,
                            &a->rate,  &a->channels, &a->wait_ms, &a->spp, &a->bits, &a->data};
    int code = CLI_OK;
    optind = 1;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c >= 0 && c < (int)RF_ARRAY_LEN(texts)) {
            *texts[c] = optarg;
        } else if (c == 'l') {
            code = take_limit(a);
        } else if (c == 'c') {
            a->clip = true;
        } else if (c == 'j') {
            a->as_json = true;
        } else {
            code = cli_fail(CLI_USAGE, "see `reflection recordings --help`");
        }
    }
    a->id = optind < argc ? argv[optind] : NULL;
    return code == CLI_OK && optind + 1 < argc
               ? cli_fail(CLI_USAGE,
                          "unexpected argument \"%s\"; see `reflection recordings --help`",
                          argv[optind + 1])
               : code;
}

static int run(int argc, char **argv, size_t verb)
{
    cli_recordings_ask a = {.limit = LIMIT_DEFAULT};
    cli_server server;
    int code = parse(&a, argc, argv);
    if (code == CLI_OK && !verbs[verb].has_id && a.id != NULL) {
        code = cli_fail(CLI_USAGE, "unexpected argument \"%s\"; see `reflection recordings --help`",
                        a.id);
    }
    code = code == CLI_OK ? cli_server_find(a.data, &server) : code;
    if (code != CLI_OK) {
        return code;
    }
    a.server = &server;
    a.http = cli_http_new(&server);
    code = verbs[verb].fn(&a);
    cli_http_free(a.http);
    cli_server_done(&server);
    return code;
}

int cli_recordings_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    }
    for (size_t i = 0; argc > 1 && i < RF_ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            return run(argc - 1, argv + 1, i);
        }
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
