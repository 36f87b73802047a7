/* cli_jam.c - `reflection jam`: its arguments. */
#include "cli_jam.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_FRAMES 10 /* 0.4 s: what is steered is heard soon */
#define SECONDS_MAX 14400
#define RENDER_SECONDS 30.0
#define RENDER_SECONDS_MIN 0.04
#define RENDER_SECONDS_MAX 600

static const char help[] =
    "Usage: reflection jam [OPTIONS] [--play] [--out FILE] [--seconds N]\n"
    "       reflection jam render [OPTIONS] --out FILE [--seconds N] [--format FORMAT]\n\n"
    "Plays endless music, which keys steer while it plays (? shows them), and can write it into a\n"
    "file: WAV, float32 stereo at 48 kHz, exactly the stream. `render` makes one file at once.\n\n"
    "  --style NAMES        one or several, with commas: \"jazz,techno\" [warmup]\n"
    "  --weights NUMBERS    of the styles, in the same order\n"
    "  --bpm N              tempo, 60 to 200 [the style's]\n"
    "  --key KEY            C, C#, Db, ... B [auto]\n"
    "  --scale SCALE        major, minor, dorian, phrygian, lydian, mixolydian, locrian [auto]\n"
    "  --density N          notes, 0 to 1 [the style's]\n"
    "  --brightness N       0 to 1 [the style's]\n"
    "  --section NAME       intro, verse, fill, break, drop, ending [verse]\n"
    "  --engine NAME        [band]\n"
    "  --seed N             equal seeds and options give equal music [random]\n"
    "  --seconds N          stop after so much music [jam: never; render: 30]\n"
    "  --play               through the loudspeaker; the default without --out\n"
    "  --device NAME        ALSA device for --play [default]\n"
    "  --out FILE           write the music into FILE\n"
    "  --pace PACE          realtime, or asap: as fast as it can be made; asap needs --seconds\n"
    "                       [asap with --out alone and --seconds, else realtime]\n"
    "  --format FORMAT      of render: wav-f32, wav-s16, flac, opus [by FILE's extension]\n"
    "  --url URL, --api-key KEY, --ca FILE   another platform than the one started here\n"
    "  --data DIR           data directory of the platform\n"
    "  --help               this text\n";

enum { OPT_SECONDS = 256, OPT_OUT, OPT_PLAY, OPT_DEVICE, OPT_PACE, OPT_FORMAT };
enum { OPT_URL = 300, OPT_API_KEY, OPT_CA, OPT_DATA, OPT_HELP };

/* Options that are fields of params, by their index. */
static const struct {
    const char *option;
    const char *field;
    bool is_number;
} fields[] = {
    {"style", "styles", false},
    {"weights", "style_weights", false},
    {"bpm", "bpm", true},
    {"key", "key", false},
    {"scale", "scale", false},
    {"density", "density", true},
    {"brightness", "brightness", true},
    {"section", "section", false},
    {"engine", "engine", false},
    {"seed", "seed", true},
};

#define FIELD(i)                                                                                   \
    {                                                                                              \
        fields[i].option, required_argument, NULL, (i)                                             \
    }

typedef struct arguments {
    cli_jam_options options;
    bool is_render;
    const char *pace;
    const char *format;
    const char *url;
    const char *api_key;
    const char *ca;
    const char *data;
} arguments;

static int take_field(arguments *a, size_t i)
{
    double number;
    json_t *value = NULL;
    if (!fields[i].is_number || strcmp(optarg, "auto") == 0) {
        value = json_string(optarg);
    } else if (rf_parse_f64(optarg, &number) == 0) {
        bool is_whole = number > -1e15 && number < 1e15 && number == (double)(int64_t)number;
        value = is_whole ? json_integer((json_int_t)number) : json_real(number);
    }
    if (value == NULL) {
        return cli_fail(CLI_USAGE, "--%s is %s, not \"%s\"", fields[i].option,
                        fields[i].is_number ? "a number" : "UTF-8", optarg);
    }
    json_object_set_new(a->options.params, fields[i].field, value);
    return CLI_OK;
}

static int take_seconds(arguments *a)
{
    double min = a->is_render ? RENDER_SECONDS_MIN : 0;
    double max = a->is_render ? RENDER_SECONDS_MAX : SECONDS_MAX;
    if (rf_parse_f64(optarg, &a->options.seconds) < 0 || !(a->options.seconds > 0) ||
        a->options.seconds < min || a->options.seconds > max) {
        return cli_fail(CLI_USAGE, "--seconds is a number of %s%g to %g, not \"%s\"",
                        a->is_render ? "" : "more than ", min, max, optarg);
    }
    return CLI_OK;
}

static int take_text(arguments *a, int option)
{
    switch (option) {
    case OPT_OUT:
        a->options.out = optarg;
        return CLI_OK;
    case OPT_DEVICE:
        a->options.device = optarg;
        return CLI_OK;
    case OPT_PACE:
        a->pace = optarg;
        return CLI_OK;
    case OPT_FORMAT:
        a->format = optarg;
        return CLI_OK;
    case OPT_URL:
        a->url = optarg;
        return CLI_OK;
    case OPT_API_KEY:
        a->api_key = optarg;
        return CLI_OK;
    case OPT_CA:
        a->ca = optarg;
        return CLI_OK;
    case OPT_DATA:
        a->data = optarg;
        return CLI_OK;
    default: /* getopt has said what is wrong */
        return cli_fail(CLI_USAGE, "see `reflection jam --help`");
    }
}

static int take_options(arguments *a, int argc, char **argv)
{
    const struct option options[] = {
        FIELD(0),
        FIELD(1),
        FIELD(2),
        FIELD(3),
        FIELD(4),
        FIELD(5),
        FIELD(6),
        FIELD(7),
        FIELD(8),
        FIELD(9),
        {"seconds", required_argument, NULL, OPT_SECONDS},
        {"out", required_argument, NULL, OPT_OUT},
        {"play", no_argument, NULL, OPT_PLAY},
        {"device", required_argument, NULL, OPT_DEVICE},
        {"pace", required_argument, NULL, OPT_PACE},
        {"format", required_argument, NULL, OPT_FORMAT},
        {"url", required_argument, NULL, OPT_URL},
        {"api-key", required_argument, NULL, OPT_API_KEY},
        {"ca", required_argument, NULL, OPT_CA},
        {"data", required_argument, NULL, OPT_DATA},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
    };
    int code = CLI_OK;
    optind = 1;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c < (int)RF_ARRAY_LEN(fields)) {
            code = take_field(a, (size_t)c);
        } else if (c == OPT_SECONDS) {
            code = take_seconds(a);
        } else if (c == OPT_PLAY) {
            a->options.is_played = true;
        } else if (c == OPT_HELP) {
            fputs(help, stdout);
            return -1;
        } else {
            code = take_text(a, c);
        }
    }
    return code == CLI_OK && optind < argc
               ? cli_fail(CLI_USAGE, "unexpected argument \"%s\"; see `reflection jam --help`",
                          argv[optind])
               : code;
}

static const char *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *extension = dot == NULL ? "" : dot + 1;
    return strcmp(extension, "flac") == 0   ? "flac"
           : strcmp(extension, "opus") == 0 ? "opus"
                                            : "wav-f32";
}

static int complete_render(arguments *a)
{
    if (a->options.out == NULL || a->options.is_played || a->pace != NULL) {
        return cli_fail(CLI_USAGE, "render needs --out FILE, and takes neither --play nor --pace");
    }
    const char *format = a->format != NULL ? a->format : format_of(a->options.out);
    json_object_set_new(a->options.params, "format", json_string(format));
    a->options.seconds = a->options.seconds > 0 ? a->options.seconds : RENDER_SECONDS;
    return CLI_OK;
}

static int complete_live(arguments *a)
{
    cli_jam_options *o = &a->options;
    if (a->format != NULL) {
        return cli_fail(CLI_USAGE, "--format is for `reflection jam render`");
    }
    o->is_played = o->is_played || o->out == NULL;
    bool is_quick = !o->is_played && o->seconds > 0;
    const char *pace = a->pace != NULL ? a->pace : is_quick ? "asap" : "realtime";
    if (strcmp(pace, "realtime") != 0 && strcmp(pace, "asap") != 0) {
        return cli_fail(CLI_USAGE, "--pace is realtime or asap, not \"%s\"", pace);
    }
    o->is_realtime = strcmp(pace, "realtime") == 0;
    if (!o->is_realtime && !is_quick) {
        return cli_fail(CLI_USAGE, "--pace asap needs --out and --seconds, without --play");
    }
    json_object_set_new(o->params, "pace", json_string(pace));
    if (o->is_realtime) {
        json_object_set_new(o->params, "max_decode_frames", json_integer(CHUNK_FRAMES));
    }
    return CLI_OK;
}

/* What an option says wins; key and authority of another platform do not fit --url. */
static int find_server(const arguments *a, cli_server *server)
{
    if (a->url != NULL) {
        setenv("REFLECTION_URL", a->url, 1);
    }
    if (a->api_key != NULL) {
        setenv("REFLECTION_API_KEY", a->api_key, 1);
    }
    if (a->ca != NULL) {
        setenv("REFLECTION_CA_FILE", a->ca, 1);
    }
    return cli_server_find(a->data, server);
}

static int run(arguments *a)
{
    int code = a->is_render ? complete_render(a) : complete_live(a);
    if (code != CLI_OK) {
        return code;
    }
    cli_server server;
    code = find_server(a, &server);
    if (code == CLI_OK) {
        code = a->is_render ? cli_jam_render(&server, &a->options)
                            : cli_jam_play(&server, &a->options);
        cli_server_done(&server);
    }
    return code;
}

int cli_jam_main(int argc, char **argv)
{
    arguments a = {.options = {.params = json_object(), .device = "default"}};
    a.is_render = argc > 1 && strcmp(argv[1], "render") == 0;
    int code = take_options(&a, argc - a.is_render, argv + a.is_render);
    code = code == CLI_OK ? run(&a) : code;
    json_decref(a.options.params);
    return code < 0 ? CLI_OK : code;
}
