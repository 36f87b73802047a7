/* cli_devices.c - `reflection devices`: what the platform's machine can record from. */
#include "cli.h"

#include "cli_http.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: reflection devices [--json] [--data DIR]\n\n"
    "Lists the input devices of the platform's machine; * is the default one. The key needs the\n"
    "scope recorder.device. `reflection record --device NUMBER` records from one.\n";

static void print_device(const json_t *d)
{
    const char *api = json_string_value(json_object_get(d, "api"));
    printf("%c %3lld  %-40s %-8s %lld channels, %lld Hz\n",
           json_is_true(json_object_get(d, "is_default")) ? '*' : ' ',
           (long long)json_integer_value(json_object_get(d, "index")),
           json_string_value(json_object_get(d, "name")), api != NULL ? api : "",
           (long long)json_integer_value(json_object_get(d, "channels")),
           (long long)json_integer_value(json_object_get(d, "default_rate")));
}

static int list(cli_http *h, bool as_json)
{
    size_t i;
    json_t *device;
    json_t *answer = NULL;
    int code = cli_http_json(h, "GET", "/recorder/devices", NULL, &answer);
    json_t *devices = json_is_array(answer) ? answer : json_object_get(answer, "devices");
    if (code == CLI_OK && as_json) {
        json_dumpf(devices, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (code == CLI_OK) {
        json_array_foreach(devices, i, device)
        {
            print_device(device);
        }
        if (json_array_size(devices) == 0) {
            fputs("There is no input device.\n", stderr);
        }
    }
    json_decref(answer);
    return code;
}

int cli_devices_main(int argc, char **argv)
{
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
        } else {
            return cli_fail(CLI_USAGE,
                            "unexpected argument \"%s\"; see `reflection devices --help`", argv[i]);
        }
    }
    cli_server server;
    int code = cli_server_find(data, &server);
    if (code == CLI_OK) {
        cli_http *h = cli_http_new(&server);
        code = list(h, as_json);
        cli_http_free(h);
        cli_server_done(&server);
    }
    return code;
}
