#include "cli_watch.h"

#include "cli_jobs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RETRY_S 2 /* as the server says */
#define TRIES_MAX 30
#define ID_MAX 32
#define LINE_MAX_BYTES 4096

/* A stream of events, line by line. */
typedef struct watching {
    char id[ID_MAX]; /* of the last event; "" for none */
    char line[LINE_MAX_BYTES];
    size_t len;
    bool heard; /* since the connection was made */
    bool final;
} watching;

static void print_event(watching *w, const char *text)
{
    json_t *data = json_loads(text, 0, NULL);
    const char *status = json_string_value(json_object_get(data, "status"));
    const char *step = json_string_value(json_object_get(data, "step"));
    const json_t *progress = json_object_get(data, "progress");
    if (status != NULL) {
        printf("%-9s", status);
        if (json_integer_value(json_object_get(data, "attempt")) > 1) {
            printf("  attempt %d", (int)json_integer_value(json_object_get(data, "attempt")));
        }
        if (progress != NULL) {
            printf("  %3d %%", (int)json_integer_value(progress));
        }
        printf("%s%s\n", step != NULL ? "  " : "", step != NULL ? step : "");
        fflush(stdout);
        w->final = strcmp(status, "SUCCEEDED") == 0 || strcmp(status, "FAILED") == 0;
    }
    json_decref(data);
}

static void take_line(watching *w)
{
    w->line[w->len] = '\0';
    w->len = 0;
    w->heard = true;
    if (strncmp(w->line, "id: ", 4) == 0) {
        (void)rf_copy_str(w->id, sizeof(w->id), w->line + 4);
    } else if (strncmp(w->line, "data: ", 6) == 0) {
        print_event(w, w->line + 6);
    }
}

static void take_text(void *user, const char *text, size_t len)
{
    watching *w = user;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            take_line(w);
        } else if (w->len < sizeof(w->line) - 1) {
            w->line[w->len++] = text[i];
        }
    }
}

/* Listens once; *ret_over when there is nothing to come again for. */
static int listen_once(cli_http *h, const char *path, watching *w, int tries_left, bool *ret_over)
{
    long status = 0;
    w->len = 0;
    w->heard = false;
    bool resumes = w->id[0] != '\0';
    int code = cli_http_listen(h, path, w->id, resumes && tries_left > 0, take_text, w, &status);
    bool may_come = code == CLI_UNREACHABLE || status == 503 || status == 200;
    *ret_over = w->final || status == 204 || !may_come || (code != CLI_OK && !resumes);
    return *ret_over && (w->final || status == 204) ? CLI_OK : code;
}

static int report(cli_http *h, const char *id)
{
    json_t *job = NULL;
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/job/%s", id);
    int code = cli_http_json(h, "GET", path, NULL, &job);
    code = code == CLI_OK ? cli_jobs_succeeded(job) : code;
    json_decref(job);
    return code;
}

int cli_watch_job(cli_http *h, const char *id)
{
    watching w = {.id = ""};
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/job/%s/events", id);
    for (int tries = TRIES_MAX;;) {
        bool over = false;
        int code = listen_once(h, path, &w, tries, &over);
        tries = w.heard ? TRIES_MAX : tries - 1;
        if (over || tries < 0) {
            return code == CLI_OK ? report(h, id) : code;
        }
        sleep(RETRY_S);
    }
}
