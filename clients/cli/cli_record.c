/* cli_record.c - `reflection record`: its arguments. */
#include "cli_record.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_MAX 2678400.0 /* 31 days */

static const char help[] =
    "Usage: reflection record [--device [N] | --file FILE | -] [OPTIONS]\n\n"
    "Records until the source ends, after --seconds, or at Ctrl-C, stores the recording and\n"
    "prints its key, duration and loudness. What the platform has acknowledged is safe from then\n"
    "on; a lost connection, or a restart of the platform, is waited out.\n\n"
    "  -                    PCM from standard input; a WAV file there is found by its head\n"
    "  --file FILE          a local file: WAV, FLAC, MP3, Ogg, AIFF, ...\n"
    "  --device [N]         a device of the platform's machine, by number or name, see\n"
    "                       `reflection devices` [the default one; without a source this one]\n"
    "  --rate N             Hz of raw PCM and devices, 8000 to 192000 [16000]\n"
    "  --channels N         1 to 8 [1]\n"
    "  --sample-format F    int8, uint8, int16, int24, int32, float32, little endian [int16]\n"
    "  --seconds N          stop after so much audio\n"
    "  --prefix P           part of the key, may be given again\n"
    "  --format FORMAT      stored as wav, flac, mp3, opus or pcm [by FILE of --out, else wav]\n"
    "  --out FILE           write a copy of the recording into FILE\n"
    "  --option NAME=VALUE  of the session: split=silence, mp3_kbps=192, retention_days=30, ...\n"
    "  --json               print everything about the recording for machines\n"
    "  --url URL, --api-key KEY, --ca FILE   another platform than the one started here\n"
    "  --data DIR           data directory of the platform\n"
    "  --help               this text\n";

enum { OPT_DEVICE = 256, OPT_FILE, OPT_RATE, OPT_CHANNELS, OPT_SAMPLE, OPT_SECONDS, OPT_PREFIX };
enum { OPT_FORMAT = 300, OPT_OUT, OPT_OPTION, OPT_JSON, OPT_URL, OPT_API_KEY, OPT_CA, OPT_DATA };
enum { OPT_HELP = 350 };

static const struct option table[] = {
    {"device", optional_argument, NULL, OPT_DEVICE},
    {"file", required_argument, NULL, OPT_FILE},
    {"rate", required_argument, NULL, OPT_RATE},
    {"channels", required_argument, NULL, OPT_CHANNELS},
    {"sample-format", required_argument, NULL, OPT_SAMPLE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"out", required_argument, NULL, OPT_OUT},
    {"option", required_argument, NULL, OPT_OPTION},
    {"json", no_argument, NULL, OPT_JSON},
    {"url", required_argument, NULL, OPT_URL},
    {"api-key", required_argument, NULL, OPT_API_KEY},
    {"ca", required_argument, NULL, OPT_CA},
    {"data", required_argument, NULL, OPT_DATA},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    cli_record_options options;
    json_t *settings;
    bool has_source;
    const char *data;
} arguments;

static int take_number(const char *name, uint32_t min, uint32_t max, uint32_t *ret)
{
    int64_t value;
    if (rf_parse_i64(optarg, &value) < 0 || value < min || value > max) {
        return cli_fail(CLI_USAGE, "--%s is a whole number of %u to %u, not \"%s\"", name, min, max,
                        optarg);
    }
    *ret = (uint32_t)value;
    return CLI_OK;
}

static int take_sample_format(arguments *a)
{
    const int format = reflection_recorder_sample_parse(optarg);
    if (format < 0) {
        return cli_fail(
            CLI_USAGE, "--sample-format is int8, uint8, int16, int24, int32 or float32, not \"%s\"",
            optarg);
    }
    a->options.shape.sample_format = (reflection_recorder_sample)format;
    return CLI_OK;
}

static int take_format(arguments *a)
{
    const int format = reflection_recorder_format_parse(optarg);
    if (format < 0) {
        return cli_fail(CLI_USAGE, "--format is wav, flac, mp3, opus or pcm, not \"%s\"", optarg);
    }
    a->options.store_format = (reflection_recorder_format)format;
    return CLI_OK;
}

static int take_seconds(arguments *a)
{
    if (rf_parse_f64(optarg, &a->options.seconds) < 0 || !(a->options.seconds > 0) ||
        a->options.seconds > SECONDS_MAX) {
        return cli_fail(CLI_USAGE, "--seconds is a number of more than 0 to %.0f, not \"%s\"",
                        SECONDS_MAX, optarg);
    }
    return CLI_OK;
}

static int take_prefix(arguments *a)
{
    if (a->options.n_prefixes == CLI_RECORD_PREFIXES_MAX) {
        return cli_fail(CLI_USAGE, "--prefix is given at most %d times", CLI_RECORD_PREFIXES_MAX);
    }
    a->options.prefixes[a->options.n_prefixes++] = optarg;
    return CLI_OK;
}

/* NAME=VALUE: a number, or a word. */
static int take_option(arguments *a)
{
    int64_t number;
    const char *equals = strchr(optarg, '=');
    if (equals == NULL || equals == optarg || equals[1] == '\0') {
        return cli_fail(CLI_USAGE, "--option is NAME=VALUE, not \"%s\"", optarg);
    }
    RF_CLEANUP(rf_cleanup_free) char *name = rf_strndup(optarg, (size_t)(equals - optarg));
    json_t *value = rf_parse_i64(equals + 1, &number) == 0 ? json_integer((json_int_t)number)
                                                           : json_string(equals + 1);
    return json_object_set_new(a->settings, name, value) < 0
               ? cli_fail(CLI_USAGE, "--option is UTF-8, not \"%s\"", optarg)
               : CLI_OK;
}

static int take_source(arguments *a, cli_record_from from, const char *source)
{
    if (a->has_source) {
        return cli_fail(CLI_USAGE, "give one source: --device, --file or -");
    }
    a->has_source = true;
    a->options.from = from;
    a->options.source = source;
    return CLI_OK;
}

/* What an option says wins; key and authority of another platform do not fit --url. */
static void take_server(const char *name)
{
    setenv(name, optarg, 1);
}

static int take_other(arguments *a, int option)
{
    switch (option) {
    case OPT_OUT:
        a->options.out = optarg;
        return CLI_OK;
    case OPT_JSON:
        a->options.as_json = true;
        return CLI_OK;
    case OPT_URL:
        take_server("REFLECTION_URL");
        return CLI_OK;
    case OPT_API_KEY:
        take_server("REFLECTION_API_KEY");
        return CLI_OK;
    case OPT_CA:
        take_server("REFLECTION_CA_FILE");
        return CLI_OK;
    case OPT_DATA:
        a->data = optarg;
        return CLI_OK;
    default: /* getopt has said what is wrong */
        return cli_fail(CLI_USAGE, "see `reflection record --help`");
    }
}

static int take(arguments *a, int option)
{
    switch (option) {
    case OPT_DEVICE:
        return take_source(a, CLI_RECORD_DEVICE, optarg);
    case OPT_FILE:
        return take_source(a, CLI_RECORD_FILE, optarg);
    case OPT_RATE:
        return take_number("rate", 8000, 192000, &a->options.shape.rate_hz);
    case OPT_CHANNELS:
        return take_number("channels", 1, 8, &a->options.shape.channels);
    case OPT_SAMPLE:
        return take_sample_format(a);
    case OPT_SECONDS:
        return take_seconds(a);
    case OPT_PREFIX:
        return take_prefix(a);
    case OPT_FORMAT:
        return take_format(a);
    case OPT_OPTION:
        return take_option(a);
    default:
        return take_other(a, option);
    }
}

/* The words that are no options: "-", and the device behind --device. */
static int take_words(arguments *a, int argc, char **argv)
{
    int code = CLI_OK;
    for (int i = optind; code == CLI_OK && i < argc; i++) {
        const bool is_device =
            a->options.from == CLI_RECORD_DEVICE && a->has_source && a->options.source == NULL;
        if (strcmp(argv[i], "-") == 0) {
            code = take_source(a, CLI_RECORD_STDIN, NULL);
        } else if (is_device) {
            a->options.source = argv[i];
        } else {
            code = cli_fail(CLI_USAGE, "unexpected argument \"%s\"; see `reflection record --help`",
                            argv[i]);
        }
    }
    return code;
}

static void complete(arguments *a, char **ret_settings)
{
    cli_record_options *o = &a->options;
    const char *dot = o->out != NULL ? strrchr(o->out, '.') : NULL;
    const int format = dot != NULL ? reflection_recorder_format_parse(dot + 1) : -1;
    o->from = a->has_source ? o->from : CLI_RECORD_DEVICE;
    if (o->store_format == REFLECTION_RECORDER_DEFAULT) {
        o->store_format = format < 0 ? REFLECTION_RECORDER_WAV : (reflection_recorder_format)format;
    }
    *ret_settings =
        json_object_size(a->settings) > 0 ? json_dumps(a->settings, JSON_COMPACT) : NULL;
    o->settings = *ret_settings;
}

static int run(arguments *a)
{
    cli_server server;
    RF_CLEANUP(rf_cleanup_free) char *settings = NULL;
    complete(a, &settings);
    int code = cli_server_find(a->data, &server);
    if (code == CLI_OK) {
        code = cli_record_run(&server, &a->options);
        cli_server_done(&server);
    }
    return code;
}

int cli_record_main(int argc, char **argv)
{
    arguments a = {.options = {.shape = {REFLECTION_RECORDER_INT16, 1, 16000}},
                   .settings = json_object()};
    int code = CLI_OK;
    optind = 1;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            json_decref(a.settings);
            return CLI_OK;
        }
        code = take(&a, c);
    }
    code = code == CLI_OK ? take_words(&a, argc, argv) : code;
    code = code == CLI_OK ? run(&a) : code;
    json_decref(a.settings);
    return code;
}
