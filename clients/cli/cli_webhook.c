/* cli_webhook.c - `reflection webhook`: secret, test. */
#include "cli.h"

#include "cli_http.h"

#include "rf_id.h"
#include "rf_time.h"
#include "rf_webhook_sign.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define HEADER_SIZE 512

static const char help[] =
    "Usage: reflection webhook secret [--data DIR]\n"
    "       reflection webhook test URL [--secret SECRET]\n\n"
    "secret makes a new secret for the application's webhooks and prints it; the one before signs\n"
    "as well for a day. test sends a signed example of a job that has succeeded to URL, from this\n"
    "machine, and prints the answer: what a receiver is tried with. The secret comes from "
    "--secret\n"
    "or REFLECTION_WEBHOOK_SECRET. The platform itself sends to public addresses alone.\n";

static int print_secret(const char *data)
{
    cli_server server = {0};
    json_t *answer = NULL;
    int code = cli_server_find(data, &server);
    if (code == CLI_OK) {
        cli_http *h = cli_http_new(&server);
        code = cli_http_json(h, "POST", "/application/webhook-secret", NULL, &answer);
        cli_http_free(h);
    }
    if (code == CLI_OK) {
        const char *until = json_string_value(json_object_get(answer, "previousUntil"));
        puts(json_string_value(json_object_get(answer, "secret")));
        if (until != NULL) {
            fprintf(stderr, "the secret before signs as well until %s\n", until);
        }
    }
    json_decref(answer);
    cli_server_done(&server);
    return code;
}

/* What a receiver would get. */
static char *example(void)
{
    char id[RF_UUID_LEN];
    char now[RF_ISO_LEN];
    return rf_asprintf("{\"type\":\"job.succeeded\",\"timestamp\":\"%s\",\"data\":{\"id\":\"%s\","
                       "\"status\":\"SUCCEEDED\",\"batchName\":null,\"metadata\":{\"test\":true}}}",
                       rf_time_iso(rf_time_wall_ms(), now), rf_uuid4(id));
}

static int sign(const char *secret, const char *id, const char *body, char headers[4][HEADER_SIZE])
{
    rf_buf signature;
    rf_webhook_secrets secrets = {.n = 1};
    int64_t now_s = rf_time_wall_ms() / 1000;
    if (!rf_webhook_secret_valid(secret)) {
        return cli_fail(CLI_USAGE, "the secret is not whsec_ and the base64 of 24 to 64 bytes; "
                                   "`reflection webhook secret` makes one");
    }
    (void)rf_copy_str(secrets.text[0], sizeof(secrets.text[0]), secret);
    rf_buf_init(&signature, HEADER_SIZE);
    int err = rf_webhook_sign(&secrets, id, now_s, body, strlen(body), &signature);
    (void)snprintf(headers[0], HEADER_SIZE, "Content-Type: application/json");
    (void)snprintf(headers[1], HEADER_SIZE, "webhook-id: %s", id);
    (void)snprintf(headers[2], HEADER_SIZE, "webhook-timestamp: %lld", (long long)now_s);
    (void)snprintf(headers[3], HEADER_SIZE, "webhook-signature: %s", rf_buf_str(&signature));
    rf_buf_done(&signature);
    explicit_bzero(&secrets, sizeof(secrets));
    return err < 0 ? cli_fail(CLI_FAILED, "the example cannot be signed") : CLI_OK;
}

static int send_test(const char *url, const char *secret)
{
    char headers[4][HEADER_SIZE];
    char id[RF_UUID_LEN];
    long status = 0;
    const cli_server server = {.url = (char *)(uintptr_t)url};
    RF_CLEANUP(rf_cleanup_free) char *body = example();
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("%s/job.succeeded", rf_uuid4(id));
    int code = sign(secret, name, body, headers);
    if (code != CLI_OK) {
        return code;
    }
    const char *list[] = {headers[0], headers[1], headers[2], headers[3]};
    cli_http *h = cli_http_new(&server);
    code = cli_http_post(h, url, list, RF_ARRAY_LEN(list), body, &status);
    cli_http_free(h);
    if (code == CLI_OK && (status < 200 || status > 299)) {
        return cli_fail(CLI_FAILED, "the receiver answered HTTP %ld: %s", status,
                        status == 410 ? "the platform would send nothing more"
                                      : "the platform would try again");
    }
    if (code == CLI_OK) {
        printf("delivered: HTTP %ld\n%s\n", status, body);
    }
    return code;
}

static int parse(int argc, char **argv, const char **ret_data, const char **ret_secret)
{
    static const struct option options[] = {{"secret", required_argument, NULL, 's'},
                                            {"data", required_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's') {
            *ret_secret = optarg;
        } else if (c == 'd') {
            *ret_data = optarg;
        } else {
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

int cli_webhook_main(int argc, char **argv)
{
    const char *data = NULL;
    const char *secret = getenv("REFLECTION_WEBHOOK_SECRET");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    }
    const char *verb = argc > 1 ? argv[1] : "";
    if (argc < 2 || parse(argc - 1, argv + 1, &data, &secret) != CLI_OK) {
        fputs(help, stderr);
        return CLI_USAGE;
    }
    int n_words = argc - 1 - optind;
    if (strcmp(verb, "secret") == 0 && n_words == 0) {
        return print_secret(data);
    }
    if (strcmp(verb, "test") == 0 && n_words == 1) {
        return send_test(argv[1 + optind], secret != NULL ? secret : "");
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
