#include "cli_jobs.h"

#include "rf_file.h"
#include "rf_time.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_FIRST_MS 25
#define POLL_MAX_MS 1000
#define BAR_WIDTH 30

int cli_jobs_submit(cli_http *h, const char *name, const char *workflow, json_t *params,
                    json_t *extensions, char **ret_id)
{
    json_t *body =
        json_pack("{s:s, s:s, s:O}", "name", name, "workflow", workflow, "params", params);
    json_object_update(body, extensions);
    json_t *answer = NULL;
    int code = cli_http_json(h, "POST", "/job", body, &answer);
    json_decref(body);
    if (code == CLI_OK) {
        const char *id = json_string_value(json_object_get(answer, "id"));
        code = id == NULL ? cli_fail(CLI_FAILED, "the answer names no job") : CLI_OK;
        *ret_id = rf_strdup(id);
    }
    json_decref(answer);
    return code;
}

static void draw(const json_t *job)
{
    if (!isatty(STDERR_FILENO)) {
        return;
    }
    const json_t *progress = json_object_get(job, "progress");
    const char *step = json_string_value(json_object_get(progress, "step"));
    int percent = (int)json_integer_value(json_object_get(progress, "percent"));
    int filled = percent * BAR_WIDTH / 100;
    fprintf(stderr, "\r\033[K%-9s [%.*s%*s] %3d %% %s",
            json_string_value(json_object_get(job, "status")), filled,
            "##############################", BAR_WIDTH - filled, "", percent,
            step != NULL ? step : "");
}

static bool is_final(const json_t *job)
{
    const char *status = json_string_value(json_object_get(job, "status"));
    return status != NULL && (strcmp(status, "SUCCEEDED") == 0 || strcmp(status, "FAILED") == 0);
}

int cli_jobs_wait(cli_http *h, const char *id, json_t **ret_job)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/job/%s?include=progress", id);
    for (int64_t pause_ms = POLL_FIRST_MS;; pause_ms = RF_MIN(pause_ms * 3 / 2, POLL_MAX_MS)) {
        json_t *job = NULL;
        int code = cli_http_json(h, "GET", path, NULL, &job);
        if (code != CLI_OK) {
            return code;
        }
        draw(job);
        if (is_final(job)) {
            if (isatty(STDERR_FILENO)) {
                fputs("\r\033[K", stderr);
            }
            json_object_del(job, "progress");
            *ret_job = job;
            return CLI_OK;
        }
        json_decref(job);
        usleep((useconds_t)(pause_ms * 1000));
    }
}

int cli_jobs_succeeded(const json_t *job)
{
    const json_t *error = json_object_get(job, "error");
    if (json_is_object(error)) {
        return cli_fail(CLI_FAILED, "job %s failed: %s (%s)",
                        json_string_value(json_object_get(job, "id")),
                        json_string_value(json_object_get(error, "message")),
                        json_string_value(json_object_get(error, "code")));
    }
    return CLI_OK;
}

/* The extension of a result URL: what follows the last dot of its path. */
static char *extension_of(const char *url)
{
    size_t len = strcspn(url, "?");
    size_t dot = len;
    while (dot > 0 && url[dot - 1] != '.' && url[dot - 1] != '/') {
        dot--;
    }
    return dot > 0 && url[dot - 1] == '.' ? rf_strndup(url + dot, len - dot) : rf_strdup("bin");
}

int cli_jobs_download(cli_http *h, const json_t *job, const char *dir)
{
    int code = rf_mkdirs(dir, 0755) < 0 ? cli_fail(CLI_FAILED, "%s cannot be made", dir) : CLI_OK;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(job, "result"), name, value)
    {
        const char *url = json_string_value(value);
        if (code == CLI_OK && url != NULL && strncmp(url, "https://", 8) == 0) {
            RF_CLEANUP(rf_cleanup_free) char *extension = extension_of(url);
            RF_CLEANUP(rf_cleanup_free)
            char *path = rf_asprintf("%s/%s.%s", dir, name, extension);
            code = cli_http_get_file(h, url, path);
            if (code == CLI_OK) {
                puts(path);
            }
        }
    }
    return code;
}
