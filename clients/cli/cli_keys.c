/* cli_keys.c - `reflection keys`: create, list, revoke, rotate. */
#include "cli.h"

#include "cli_rpc.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

static const char help[] =
    "Usage: reflection keys create [APPLICATION] [--rps N] [--burst N] [--scope S]...\n"
    "       reflection keys list\n"
    "       reflection keys revoke ID\n"
    "       reflection keys rotate ID [--overlap SECONDS]\n"
    "       reflection keys limits APPLICATION [--concurrency N] [--weight N] [--per-day N]\n\n"
    "create makes the application when it does not exist (default \"default\") and prints the\n"
    "key, which is stored hashed and never shown again. --rps and --burst limit its requests\n"
    "(0: the service's defaults). A revoked key stops within 60 s. rotate prints a successor with\n"
    "the same scopes; the old key goes on for --overlap seconds (3600; at most 86400). An\n"
    "application has one active key, or two while one is rotated. Option: --data DIR.\n\n"
    "--scope, once for each, says what a key may do besides: jam.record (record a jam),\n"
    "recorder.device (list and record the devices of the recorder's machine), or none. A key made\n"
    "without --scope, or before there were scopes, has all but recorder.device; the first key,\n"
    "which `reflection up` makes for the machine's owner, has all.\n\n"
    "limits prints, and with options sets, how many jobs of an application run at once (1-1000; "
    "0:\n"
    "the setting job.concurrency) and its weight (1-100): free slots rotate over applications "
    "with\n"
    "queued jobs, each as many at a turn as its weight. --per-day is its quota: so many jobs it\n"
    "may make from one midnight (UTC) to the next (at most 1000000000; 0: any number, which is\n"
    "what it begins with); further ones get 429 until then.\n\n"
    "Keys are made on the machine of the job service, by its owner.\n";

#define SCOPES_MAX 16

typedef struct keys_args {
    cli_rpc *rpc;
    const char *word; /* application or key id */
    int64_t rps;
    int64_t burst;
    int64_t overlap;
    cli_app_limits limits;
    const char *scopes[SCOPES_MAX];
    size_t n_scopes;
} keys_args;

static int create(keys_args *a)
{
    rf_status st;
    RF_CLEANUP(rf_cleanup_free) char *secret = NULL;
    int err = cli_rpc_create_key(a->rpc, a->word != NULL ? a->word : "default", (uint32_t)a->rps,
                                 (uint32_t)a->burst, a->scopes, a->n_scopes, &secret, &st);
    if (err == 0) {
        puts(secret);
    }
    return cli_rpc_report(err, &st);
}

/* "active", or when it stopped or, being rotated out, will stop. Times in ISO form compare as text.
 */
static const char *standing(const char *revoked)
{
    char now[RF_ISO_LEN];
    return revoked == NULL                                            ? "active"
           : strcmp(revoked, rf_time_iso(rf_time_wall_ms(), now)) > 0 ? "ends "
                                                                      : "revoked ";
}

static int list(keys_args *a)
{
    rf_status st;
    json_t *keys = NULL;
    int err = cli_rpc_list_keys(a->rpc, &keys, &st);
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
    {
        const char *revoked = json_string_value(json_object_get(key, "revokedAt"));
        printf("%s  %-12s %-20s %s  %s  %s%s\n", json_string_value(json_object_get(key, "id")),
               json_string_value(json_object_get(key, "prefix")),
               json_string_value(json_object_get(key, "application")),
               json_string_value(json_object_get(key, "createdAt")),
               json_string_value(json_object_get(key, "scopes")), standing(revoked),
               revoked != NULL ? revoked : "");
    }
    json_decref(keys);
    return cli_rpc_report(err, &st);
}

static int revoke(keys_args *a)
{
    rf_status st;
    if (a->word == NULL) {
        return cli_fail(CLI_USAGE, "give the id of a key; `reflection keys list` shows them");
    }
    return cli_rpc_report(cli_rpc_revoke_key(a->rpc, a->word, &st), &st);
}

static int rotate(keys_args *a)
{
    rf_status st;
    RF_CLEANUP(rf_cleanup_free) char *secret = NULL;
    if (a->word == NULL) {
        return cli_fail(CLI_USAGE, "give the id of a key; `reflection keys list` shows them");
    }
    int err = cli_rpc_rotate_key(a->rpc, a->word, (uint32_t)a->overlap, &secret, &st);
    if (err == 0) {
        puts(secret);
    }
    return cli_rpc_report(err, &st);
}

static int limits(keys_args *a)
{
    rf_status st;
    json_t *now = NULL;
    if (a->word == NULL) {
        return cli_fail(CLI_USAGE, "give the name of an application");
    }
    int err = cli_rpc_limit_application(a->rpc, a->word, &a->limits, &now, &st);
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value)
    {
        printf("%-12s %lld\n", key, (long long)json_integer_value(value));
    }
    json_decref(now);
    return cli_rpc_report(err, &st);
}

static const struct {
    const char *name;
    int (*fn)(keys_args *a);
} verbs[] = {
    {"create", create}, {"list", list}, {"revoke", revoke}, {"rotate", rotate}, {"limits", limits}};

static const struct option options[] = {
    {"rps", required_argument, NULL, 'r'},
    {"burst", required_argument, NULL, 'b'},
    {"concurrency", required_argument, NULL, 'c'},
    {"weight", required_argument, NULL, 'w'},
    {"per-day", required_argument, NULL, 'p'},
    {"overlap", required_argument, NULL, 'o'},
    {"scope", required_argument, NULL, 's'},
    {"data", required_argument, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

static int parse_number(const char *name, const char *text, int64_t max, int64_t *ret)
{
    if (rf_parse_i64(text, ret) < 0 || *ret < 0 || *ret > max) {
        return cli_fail(CLI_USAGE, "--%s is a number from 0 to %lld, not \"%s\"", name,
                        (long long)max, text);
    }
    return CLI_OK;
}

static int add_scope(keys_args *a, const char *name)
{
    if (a->n_scopes == SCOPES_MAX) {
        return cli_fail(CLI_USAGE, "--scope comes %d times at most", SCOPES_MAX);
    }
    a->scopes[a->n_scopes++] = name;
    return CLI_OK;
}

static int parse(keys_args *a, int argc, char **argv, const char **ret_data)
{
    int code = CLI_OK;
    optind = 1;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'r':
            code = parse_number("rps", optarg, 1000000, &a->rps);
            break;
        case 'b':
            code = parse_number("burst", optarg, 1000000, &a->burst);
            break;
        case 'o':
            code = parse_number("overlap", optarg, 86400, &a->overlap);
            break;
        case 'c':
            code = parse_number("concurrency", optarg, 1000, &a->limits.concurrency);
            break;
        case 'w':
            code = parse_number("weight", optarg, 100, &a->limits.weight);
            break;
        case 'p':
            code = parse_number("per-day", optarg, 1000000000, &a->limits.per_day);
            break;
        case 's':
            code = add_scope(a, optarg);
            break;
        case 'd':
            *ret_data = optarg;
            break;
        default:
            code = CLI_USAGE;
        }
    }
    a->word = optind < argc ? argv[optind] : NULL;
    return code;
}

int cli_keys_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    }
    for (size_t i = 0; argc > 1 && i < RF_ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            keys_args a = {.overlap = 3600, .limits = {-1, -1, -1}};
            const char *data = NULL;
            int code = parse(&a, argc - 1, argv + 1, &data);
            RF_CLEANUP(rf_cleanup_free) char *dir = cli_data_dir(data);
            if (code == CLI_OK && cli_rpc_open(dir, &a.rpc) < 0) {
                code = cli_fail(CLI_UNREACHABLE, "no platform in %s", dir);
            }
            code = code == CLI_OK ? verbs[i].fn(&a) : code;
            cli_rpc_close(a.rpc);
            return code;
        }
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
