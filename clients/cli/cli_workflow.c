/* cli_workflow.c - `reflection workflow`: list, show. */
#include "cli.h"

#include "cli_http.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: reflection workflow list\n"
                           "       reflection workflow show SLUG\n"
                           "Option: --data DIR (data directory of `reflection up`).\n";

static void print_row(const json_t *workflow)
{
    printf("%-38s %s\n", json_string_value(json_object_get(workflow, "slug")),
           json_string_value(json_object_get(workflow, "name")));
}

static int print_all(json_t *list, const char *slug)
{
    size_t i;
    json_t *workflow;
    bool found = slug == NULL;
    json_array_foreach(json_object_get(list, "workflows"), i, workflow)
    {
        if (slug == NULL) {
            print_row(workflow);
        } else if (strcmp(json_string_value(json_object_get(workflow, "slug")), slug) == 0) {
            json_dumpf(workflow, stdout, JSON_INDENT(2));
            putchar('\n');
            found = true;
        }
    }
    return found ? CLI_OK
                 : cli_fail(CLI_FAILED, "no workflow \"%s\"; `reflection workflow list` names them",
                            slug);
}

static int query(const char *data, const char *slug)
{
    cli_server server;
    int code = cli_server_find(data, &server);
    if (code != CLI_OK) {
        return code;
    }
    cli_http *h = cli_http_new(&server);
    json_t *list = NULL;
    code = cli_http_json(h, "GET", "/workflow?size=1000", NULL, &list);
    if (code == CLI_OK) {
        code = print_all(list, slug);
    }
    json_decref(list);
    cli_http_free(h);
    cli_server_done(&server);
    return code;
}

int cli_workflow_main(int argc, char **argv)
{
    const char *data = NULL;
    const char *words[2] = {0};
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            data = argv[++i];
        } else if (argv[i][0] != '-' && n < RF_ARRAY_LEN(words)) {
            words[n++] = argv[i];
        } else {
            n = 0;
            break;
        }
    }
    bool list = n == 1 && strcmp(words[0], "list") == 0;
    bool show = n == 2 && strcmp(words[0], "show") == 0;
    if (!list && !show) {
        fputs(help, stderr);
        return CLI_USAGE;
    }
    return query(data, words[1]);
}
