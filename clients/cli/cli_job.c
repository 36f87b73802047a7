/* cli_job.c - `reflection job`: run, list, show, wait, watch, cancel, delete. */
#include "cli.h"

#include "cli_dead.h"
#include "cli_http.h"
#include "cli_jobs.h"
#include "cli_watch.h"

#include "rf_buf.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: reflection job run WORKFLOW [FILE] [--param NAME=VALUE]... [--name NAME] [--out DIR] "
    "[--no-wait]\n"
    "           [--priority 0-9] [--batch NAME] [--batch-size N] [--retention SECONDS]\n"
    "       reflection job list [--status STATUS]... [--workflow SLUG]... [--size N]\n"
    "       reflection job show|wait|watch|cancel|delete ID\n"
    "       reflection job batch NAME\n"
    "       reflection job dead list|redrive ...\n\n"
    "run uploads FILE as inputUrl, waits, prints the job and with --out downloads its results.\n"
    "watch prints what happens to a job, a line each, and ends with it.\n"
    "VALUE may be a number, true, false or text; PARAM @FILE uploads a file and gives its URL.\n"
    "Options everywhere: --data DIR (data directory of `reflection up`).\n";

typedef struct job_args {
    cli_http *h;
    json_t *params;
    json_t *extensions; /* keys beside: batchName, priority, ... */
    const char *name;
    const char *out;
    bool no_wait;
    int64_t size;
    rf_buf query;
    char **words; /* what is no option */
    int n_words;
} job_args;

static int print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(json);
    return CLI_OK;
}

/* Adds NAME=VALUE to the params; a VALUE of @FILE is uploaded first. */
static int add_param(job_args *a, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return cli_fail(CLI_USAGE, "--param is NAME=VALUE, not \"%s\"", text);
    }
    RF_CLEANUP(rf_cleanup_free) char *name = rf_strndup(text, (size_t)(equals - text));
    const char *value = equals + 1;
    if (value[0] == '@') {
        RF_CLEANUP(rf_cleanup_free) char *url = NULL;
        int code = cli_http_upload(a->h, value + 1, &url);
        if (code == CLI_OK) {
            json_object_set_new(a->params, name, json_string(url));
        }
        return code;
    }
    json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
    if (!json_is_number(parsed) && !json_is_boolean(parsed)) {
        json_decref(parsed);
        parsed = json_string(value);
    }
    return parsed == NULL ? cli_fail(CLI_USAGE, "--param %s is not UTF-8", name)
                          : (json_object_set_new(a->params, name, parsed), CLI_OK);
}

static int finish_run(job_args *a, const char *id)
{
    json_t *job = NULL;
    int code = cli_jobs_wait(a->h, id, &job);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_jobs_succeeded(job);
    if (code == CLI_OK && a->out != NULL) {
        code = cli_jobs_download(a->h, job, a->out);
        json_decref(job);
        return code;
    }
    print_json(job);
    return code;
}

static int run(job_args *a)
{
    if (a->n_words < 1 || a->n_words > 2) {
        return cli_fail(CLI_USAGE, "job run takes a workflow and at most one file");
    }
    if (a->n_words == 2) {
        RF_CLEANUP(rf_cleanup_free) char *param = rf_asprintf("inputUrl=@%s", a->words[1]);
        int code = add_param(a, param);
        if (code != CLI_OK) {
            return code;
        }
    }
    RF_CLEANUP(rf_cleanup_free) char *id = NULL;
    int code = cli_jobs_submit(a->h, a->name, a->words[0], a->params, a->extensions, &id);
    if (code == CLI_OK && a->no_wait) {
        puts(id);
    } else if (code == CLI_OK) {
        code = finish_run(a, id);
    }
    return code;
}

static int list(job_args *a)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("/job?size=%lld%s", (long long)a->size, rf_buf_str(&a->query));
    json_t *jobs = NULL;
    int code = cli_http_json(a->h, "GET", path, NULL, &jobs);
    if (code != CLI_OK) {
        return code;
    }
    size_t i;
    json_t *job;
    json_array_foreach(jobs, i, job)
    {
        printf("%s  %-9s  %s  %-34s %s\n", json_string_value(json_object_get(job, "id")),
               json_string_value(json_object_get(job, "status")),
               json_string_value(json_object_get(job, "createdAt")),
               json_string_value(json_object_get(job, "workflow")),
               json_string_value(json_object_get(job, "name")));
    }
    json_decref(jobs);
    return CLI_OK;
}

static int one(job_args *a, const char *method, const char *suffix)
{
    if (a->n_words != 1) {
        return cli_fail(CLI_USAGE, "give exactly one job id");
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/job/%s%s", a->words[0], suffix);
    json_t *answer = NULL;
    int code = cli_http_json(a->h, method, path, NULL, &answer);
    return code == CLI_OK ? print_json(answer) : code;
}

static int show(job_args *a)
{
    return one(a, "GET", "?include=attempts,progress");
}

static int cancel(job_args *a)
{
    return one(a, "POST", "/cancel");
}

static int delete (job_args *a)
{
    return one(a, "DELETE", "");
}

static int batch(job_args *a)
{
    if (a->n_words != 1) {
        return cli_fail(CLI_USAGE, "give exactly one name of a batch");
    }
    RF_CLEANUP(rf_cleanup_free) char *name = cli_http_escape(a->h, a->words[0]);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/batch/%s", name);
    json_t *answer = NULL;
    int code = cli_http_json(a->h, "GET", path, NULL, &answer);
    return code == CLI_OK ? print_json(answer) : code;
}

static int wait_for(job_args *a)
{
    if (a->n_words != 1) {
        return cli_fail(CLI_USAGE, "give exactly one job id");
    }
    json_t *job = NULL;
    int code = cli_jobs_wait(a->h, a->words[0], &job);
    if (code == CLI_OK) {
        code = cli_jobs_succeeded(job);
        print_json(job);
    }
    return code;
}

static int watch(job_args *a)
{
    return a->n_words == 1 ? cli_watch_job(a->h, a->words[0])
                           : cli_fail(CLI_USAGE, "give exactly one job id");
}

static const struct {
    const char *name;
    int (*fn)(job_args *a);
} verbs[] = {
    {"run", run},     {"list", list},     {"show", show},     {"wait", wait_for},
    {"watch", watch}, {"cancel", cancel}, {"delete", delete}, {"batch", batch},
};

static const struct option options[] = {
    {"param", required_argument, NULL, 'p'},
    {"name", required_argument, NULL, 'n'},
    {"out", required_argument, NULL, 'o'},
    {"no-wait", no_argument, NULL, 'w'},
    {"status", required_argument, NULL, 's'},
    {"workflow", required_argument, NULL, 'f'},
    {"size", required_argument, NULL, 'z'},
    {"data", required_argument, NULL, 'd'},
    {"priority", required_argument, NULL, 'P'},
    {"batch", required_argument, NULL, 'B'},
    {"batch-size", required_argument, NULL, 'S'},
    {"retention", required_argument, NULL, 'R'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int add_number(job_args *a, int option, const char *text)
{
    int64_t number;
    if (rf_parse_i64(text, &number) < 0) {
        return cli_fail(CLI_USAGE, "--priority, --batch-size and --retention are numbers");
    }
    const char *key = option == 'P' ? "priority" : option == 'S' ? "batchSize" : "retentionSeconds";
    json_object_set_new(a->extensions, key, json_integer(number));
    return CLI_OK;
}

/* Options but --param, which needs the connection, are read first. */
static int parse(job_args *a, int argc, char **argv, const char **ret_data, bool params_only)
{
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int code = CLI_OK;
        if (c == 'p') {
            code = params_only ? add_param(a, optarg) : CLI_OK;
        } else if (params_only) {
            continue;
        } else if (c == 'n') {
            a->name = optarg;
        } else if (c == 'o') {
            a->out = optarg;
        } else if (c == 'w') {
            a->no_wait = true;
        } else if (c == 's' || c == 'f') {
            rf_buf_printf(&a->query, "&%s=%s", c == 's' ? "status" : "workflow", optarg);
        } else if (c == 'z') {
            code = rf_parse_i64(optarg, &a->size) < 0 ? cli_fail(CLI_USAGE, "--size is a number")
                                                      : CLI_OK;
        } else if (c == 'B') {
            json_object_set_new(a->extensions, "batchName", json_string(optarg));
        } else if (c == 'P' || c == 'S' || c == 'R') {
            code = add_number(a, c, optarg);
        } else if (c == 'd') {
            *ret_data = optarg;
        } else {
            code = CLI_USAGE;
        }
        if (code != CLI_OK) {
            return code;
        }
    }
    a->words = argv + optind;
    a->n_words = argc - optind;
    return CLI_OK;
}

static int dispatch(job_args *a, int argc, char **argv, int (*fn)(job_args *a))
{
    const char *data = NULL;
    cli_server server = {0};
    int code = parse(a, argc, argv, &data, false);
    if (code == CLI_OK) {
        code = cli_server_find(data, &server);
    }
    if (code == CLI_OK) {
        a->h = cli_http_new(&server);
        code = parse(a, argc, argv, &data, true);
    }
    if (code == CLI_OK) {
        code = fn(a);
    }
    cli_http_free(a->h);
    cli_server_done(&server);
    return code;
}

int cli_job_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    }
    if (argc > 1 && strcmp(argv[1], "dead") == 0) {
        return cli_dead_main(argc - 1, argv + 1);
    }
    for (size_t i = 0; argc > 1 && i < RF_ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            job_args a = {.params = json_object(),
                          .extensions = json_object(),
                          .name = "job from the command line",
                          .size = 20};
            rf_buf_init(&a.query, 4096);
            int code = dispatch(&a, argc - 1, argv + 1, verbs[i].fn);
            rf_buf_done(&a.query);
            json_decref(a.params);
            json_decref(a.extensions);
            return code;
        }
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
