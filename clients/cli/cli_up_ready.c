#include "cli_up.h"

#include "cli.h"
#include "cli_rpc.h"

#include "rf_file.h"
#include "rf_scope.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX_BYTES 256

static int load_key(const cli_up_args *args, cli_up_place *place)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secrets/first.key", args->data);
    rf_buf text;
    rf_buf_init(&text, KEY_MAX_BYTES);
    int err = rf_file_read(path, &text);
    if (err == 0) {
        place->api_key = rf_strndup(rf_buf_str(&text), strcspn(rf_buf_str(&text), "\n"));
    }
    rf_buf_done(&text);
    return err;
}

/* The machine's owner may record with its devices, too. */
static int make_key(const cli_up_args *args, cli_up_place *place)
{
    static const char *const scopes[] = {RF_SCOPE_JAM_RECORD, RF_SCOPE_RECORDER_DEVICE};
    rf_status st = RF_STATUS_OK;
    cli_rpc *rpc = NULL;
    int err = cli_rpc_open(args->data, &rpc);
    if (err == 0) {
        err = cli_rpc_create_key(rpc, "default", 0, 0, scopes, RF_ARRAY_LEN(scopes),
                                 &place->api_key, &st);
        cli_rpc_close(rpc);
    }
    if (err < 0) {
        return cli_fail(err, "the first API key cannot be made: %s", st.message);
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secrets/first.key", args->data);
    RF_CLEANUP(rf_cleanup_free) char *line = rf_asprintf("%s\n", place->api_key);
    err = rf_file_write_atomic(path, line, strlen(line), 0600);
    return err < 0 ? cli_fail(err, "%s: %s", path, strerror(-err)) : 0;
}

static json_t *ready_json(const cli_up_place *place, const cli_supervisor *supervisor)
{
    json_t *internal = json_object();
    json_t *pids = json_object();
    for (size_t i = 0; i < cli_supervisor_count(supervisor); i++) {
        cli_child_info info = cli_supervisor_info(supervisor, i);
        json_object_set_new(internal, info.name, json_string(info.internal));
        json_object_set_new(pids, info.name, json_integer(info.pid));
    }
    json_object_set_new(pids, "up", json_integer(getpid()));
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "http_url", place->http_url, "https_url",
                     place->https_url, "ca_file", place->ca_file, "api_key", place->api_key,
                     "internal", internal, "pids", pids);
}

static int write_ready(const cli_up_place *place, const cli_supervisor *supervisor,
                       const char *path)
{
    json_t *json = ready_json(place, supervisor);
    RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    int err = text == NULL ? -ENOMEM : rf_file_write_atomic(path, text, strlen(text), 0600);
    return err < 0 ? cli_fail(err, "%s: %s", path, strerror(-err)) : 0;
}

void cli_up_print_table(const cli_up_args *args, const cli_up_place *place,
                        const cli_supervisor *supervisor)
{
    printf("reflection is ready\n\n  %-10s %-8s %s\n", "service", "pid", "internal port");
    for (size_t i = 0; i < cli_supervisor_count(supervisor); i++) {
        cli_child_info info = cli_supervisor_info(supervisor, i);
        printf("  %-10s %-8d %s/healthz /readyz /metrics\n", info.name, (int)info.pid,
               info.internal);
    }
    printf("\n  HTTP     %s\n  HTTPS    %s\n  CA       %s\n  API key  %s\n  data     %s\n\n",
           place->http_url, place->https_url, place->ca_file, place->api_key, args->data);
    fflush(stdout);
}

int cli_up_tell_ready(const cli_up_args *args, cli_up_place *place,
                      const cli_supervisor *supervisor)
{
    RF_CLEANUP(rf_cleanup_free) char *own = rf_asprintf("%s/ready.json", args->data);
    int err = place->api_key != NULL || load_key(args, place) == 0 ? 0 : make_key(args, place);
    err = err == 0 ? write_ready(place, supervisor, own) : err;
    if (err == 0 && args->ready_file != NULL) {
        err = write_ready(place, supervisor, args->ready_file);
    }
    return err == 0 ? CLI_OK : CLI_FAILED;
}

void cli_up_not_ready(const cli_up_args *args)
{
    RF_CLEANUP(rf_cleanup_free) char *ready = rf_asprintf("%s/ready.json", args->data);
    unlink(ready);
}

void cli_up_place_done(cli_up_place *place)
{
    free(place->http_url);
    free(place->https_url);
    free(place->ca_file);
    free(place->api_key);
}
