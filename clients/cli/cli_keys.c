/* cli_keys.c - `reflection keys`: create, list, revoke, rotate. */
#include "cli.h"

#include "cli_rpc.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

static const char help[] =
    "Usage: reflection keys create [APPLICATION] [--rps N] [--burst N]\n"
    "       reflection keys list\n"
    "       reflection keys revoke ID\n"
    "       reflection keys rotate ID [--overlap SECONDS]\n\n"
    "create makes the application when it does not exist (default \"default\") and prints the "
    "key,\n"
    "which is stored hashed and never shown again. --rps and --burst limit its requests (0: the\n"
    "service's defaults). A revoked key stops within 60 s. rotate prints a successor; the old key\n"
    "goes on for --overlap seconds (3600; at most 86400). An application has one active key, or "
    "two\n"
    "while one is rotated. Option: --data DIR.\n"
    "Keys are made on the machine of the job service, by its owner.\n";

typedef struct keys_args {
    cli_rpc *rpc;
    const char *word; /* application or key id */
    int64_t rps;
    int64_t burst;
    int64_t overlap;
} keys_args;

static int report(int err, const rf_status *st)
{
    if (err == 0) {
        return CLI_OK;
    }
    if (st->code == RF_UNAVAILABLE || st->code == RF_DEADLINE_EXCEEDED) {
        return cli_fail(CLI_UNREACHABLE,
                        "the job service does not answer (%s); start it with "
                        "`reflection up`, or name its data directory with --data",
                        st->message);
    }
    return cli_fail(CLI_FAILED, "%s", st->message);
}

static int create(keys_args *a)
{
    rf_status st;
    RF_CLEANUP(rf_cleanup_free) char *secret = NULL;
    int err = cli_rpc_create_key(a->rpc, a->word != NULL ? a->word : "default", (uint32_t)a->rps,
                                 (uint32_t)a->burst, &secret, &st);
    if (err == 0) {
        puts(secret);
    }
    return report(err, &st);
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
        printf("%s  %-12s %-20s %s  %s%s\n", json_string_value(json_object_get(key, "id")),
               json_string_value(json_object_get(key, "prefix")),
               json_string_value(json_object_get(key, "application")),
               json_string_value(json_object_get(key, "createdAt")), standing(revoked),
               revoked != NULL ? revoked : "");
    }
    json_decref(keys);
    return report(err, &st);
}

static int revoke(keys_args *a)
{
    rf_status st;
    if (a->word == NULL) {
        return cli_fail(CLI_USAGE, "give the id of a key; `reflection keys list` shows them");
    }
    return report(cli_rpc_revoke_key(a->rpc, a->word, &st), &st);
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
    return report(err, &st);
}

static const struct {
    const char *name;
    int (*fn)(keys_args *a);
} verbs[] = {{"create", create}, {"list", list}, {"revoke", revoke}, {"rotate", rotate}};

static const struct option options[] = {
    {"rps", required_argument, NULL, 'r'},
    {"burst", required_argument, NULL, 'b'},
    {"overlap", required_argument, NULL, 'o'},
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
            keys_args a = {.overlap = 3600};
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
