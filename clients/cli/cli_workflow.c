/* cli_workflow.c - `reflection workflow`: list, show, add, validate, remove. */
#include "cli.h"

#include "cli_http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: reflection workflow list\n"
    "       reflection workflow show SLUG\n"
    "       reflection workflow add FILE [--replace]\n"
    "       reflection workflow validate FILE\n"
    "       reflection workflow remove SLUG|ID\n\n"
    "add makes the workflow of a JSON document, which the key's application alone sees; an equal\n"
    "one changes nothing, and --replace makes a new version of a different one. Jobs keep the\n"
    "version they were made with. validate says what is wrong with a document, without a server.\n"
    "Option: --data DIR (data directory of `reflection up`).\n";

typedef struct workflow_args {
    cli_http *h;
    const char *data;
    const char *verb;
    const char *word; /* slug, id or file */
    bool replace;
} workflow_args;

static void print_row(const json_t *workflow)
{
    printf("%-38s %s\n", json_string_value(json_object_get(workflow, "slug")),
           json_string_value(json_object_get(workflow, "name")));
}

static int print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
    return CLI_OK;
}

/* ---- what there is ---- */

#define PAGE_SIZE 1000

/* Calls fn for each workflow of every page until it says stop. */
static int each_workflow(workflow_args *a, bool (*fn)(const json_t *workflow, void *user),
                         void *user)
{
    for (unsigned page = 0;; page++) {
        RF_CLEANUP(rf_cleanup_free)
        char *path = rf_asprintf("/workflow?size=%d&page=%u", PAGE_SIZE, page);
        json_t *answer = NULL;
        int code = cli_http_json(a->h, "GET", path, NULL, &answer);
        json_t *list = json_object_get(answer, "workflows");
        size_t n = json_array_size(list);
        bool stop = n < PAGE_SIZE;
        for (size_t i = 0; code == CLI_OK && i < n; i++) {
            if (fn(json_array_get(list, i), user)) {
                stop = true;
                break;
            }
        }
        json_decref(answer);
        if (stop) {
            return code;
        }
    }
}

static bool print_each(const json_t *workflow, void *user)
{
    (void)user;
    print_row(workflow);
    return false;
}

static int list(workflow_args *a)
{
    return each_workflow(a, print_each, NULL);
}

typedef struct wanted {
    const char *name; /* slug or id */
    json_t *found;
} wanted;

static bool is_wanted(const json_t *workflow, void *user)
{
    wanted *w = user;
    const char *slug = json_string_value(json_object_get(workflow, "slug"));
    const char *id = json_string_value(json_object_get(workflow, "id"));
    if (strcmp(slug, w->name) != 0 && strcmp(id, w->name) != 0) {
        return false;
    }
    w->found = json_deep_copy(workflow);
    return true;
}

/* The caller decrefs *ret. */
static int find(workflow_args *a, json_t **ret)
{
    wanted w = {.name = a->word};
    int code = each_workflow(a, is_wanted, &w);
    if (code == CLI_OK && w.found == NULL) {
        code = cli_fail(CLI_FAILED, "no workflow \"%s\"; `reflection workflow list` names them",
                        a->word);
    }
    *ret = w.found;
    return code;
}

static int show(workflow_args *a)
{
    json_t *workflow = NULL;
    int code = find(a, &workflow);
    return code == CLI_OK ? print_json(workflow) : code;
}

/* ---- documents ---- */

static int add(workflow_args *a)
{
    json_error_t error;
    json_t *document = json_load_file(a->word, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        return cli_fail(CLI_FAILED, "%s:%d: %s", a->word, error.line, error.text);
    }
    if (a->replace) {
        json_object_set_new(document, "replace", json_true());
    }
    json_t *answer = NULL;
    int code = cli_http_json(a->h, "POST", "/workflow", document, &answer);
    json_decref(document);
    return code == CLI_OK ? print_json(answer) : code;
}

static int remove_one(workflow_args *a)
{
    json_t *workflow = NULL;
    json_t *answer = NULL;
    int code = find(a, &workflow);
    if (code == CLI_OK) {
        RF_CLEANUP(rf_cleanup_free)
        char *path =
            rf_asprintf("/workflow/%s", json_string_value(json_object_get(workflow, "id")));
        code = cli_http_json(a->h, "DELETE", path, NULL, &answer);
    }
    json_decref(workflow);
    return code == CLI_OK ? print_json(answer) : code;
}

/* The job service knows the rules: its program takes over. */
static int validate(workflow_args *a)
{
    RF_CLEANUP(rf_cleanup_free) char *program = cli_program_path("reflection-job");
    execl(program, program, "--check-workflow", a->word, (char *)NULL);
    return cli_fail(CLI_FAILED, "cannot run %s", program);
}

static const struct {
    const char *name;
    int (*fn)(workflow_args *a);
    bool word;  /* takes one */
    bool alone; /* needs no server */
} verbs[] = {
    {"list", list, false, false},        {"show", show, true, false},
    {"add", add, true, false},           {"validate", validate, true, true},
    {"remove", remove_one, true, false},
};

static int run(workflow_args *a, int (*fn)(workflow_args *a))
{
    cli_server server;
    int code = cli_server_find(a->data, &server);
    if (code != CLI_OK) {
        return code;
    }
    a->h = cli_http_new(&server);
    code = fn(a);
    cli_http_free(a->h);
    cli_server_done(&server);
    return code;
}

/* Returns whether the words are well formed. */
static bool parse(workflow_args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            a->data = argv[++i];
        } else if (strcmp(argv[i], "--replace") == 0) {
            a->replace = true;
        } else if (argv[i][0] == '-' || a->word != NULL) {
            return false;
        } else if (a->verb == NULL) {
            a->verb = argv[i];
        } else {
            a->word = argv[i];
        }
    }
    return a->verb != NULL && (!a->replace || strcmp(a->verb, "add") == 0);
}

int cli_workflow_main(int argc, char **argv)
{
    workflow_args a = {.data = NULL};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    }
    bool formed = parse(&a, argc, argv);
    for (size_t i = 0; formed && i < RF_ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, a.verb) == 0 && verbs[i].word == (a.word != NULL)) {
            return verbs[i].alone ? verbs[i].fn(&a) : run(&a, verbs[i].fn);
        }
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
