/*
 * The parts of a job that are JSON of their own: result, attempts, progress.
 */
#include "job_service.h"

#include <jansson.h>

#include "rf_time.h"

#define CUSTOM_STORAGE "[custom storage]"

int64_t job_retention_s(const job_service *s, const job_record *job)
{
    return job->retention_s != 0 ? job->retention_s : s->config->retention_s;
}

/* Never past retention: the file is gone then. */
static int64_t result_until_ms(const job_service *s, const job_record *job)
{
    int64_t until_ms = rf_time_wall_ms() + s->config->result_url_s * 1000;
    return RF_MIN(until_ms, job->completed_ms + job_retention_s(s, job) * 1000);
}

static json_t *result_value(const job_service *s, const job_record *job, const job_result *r)
{
    if (r->kind == JOB_RESULT_CUSTOM) {
        return json_string(CUSTOM_STORAGE);
    }
    if (r->kind == JOB_RESULT_TEXT) {
        return json_string(r->text == NULL ? "" : r->text);
    }
    job_arena arena = {.blocks = NULL};
    json_t *url = json_string(job_urls_result(s->urls, &arena, job->id, r->output, r->extension,
                                              result_until_ms(s, job)));
    job_arena_done(&arena);
    return url;
}

static void dump(json_t *value, rf_buf *out)
{
    char *text = json_dumps(value, JSON_COMPACT);
    rf_buf_append_str(out, text);
    free(text);
    json_decref(value);
}

void job_result_json(const job_service *s, const job_record *job, rf_buf *out)
{
    json_t *object = json_object();
    for (size_t i = 0; i < job->n_results; i++) {
        const job_result *r = &job->results[i];
        json_object_set_new(object, r->output, result_value(s, job, r));
    }
    dump(object, out);
}

static json_t *time_or_null(int64_t wall_ms)
{
    char text[RF_ISO_LEN];
    return wall_ms == 0 ? json_null() : json_string(rf_time_iso(wall_ms, text));
}

void job_attempts_json(const job_record *job, rf_buf *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->n_attempts; i++) {
        const job_attempt *a = &job->attempts[i];
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:o, s:o, s:s?, s:s?}", "attempt",
                                              (json_int_t)a->fence, "state",
                                              job_attempt_state_name(a->state), "worker", a->worker,
                                              "startedAt", time_or_null(a->started_ms), "endedAt",
                                              time_or_null(a->ended_ms), "code", a->code, "step",
                                              a->step));
    }
    dump(list, out);
}

void job_progress_json(const job_record *job, rf_buf *out)
{
    uint64_t attempt = job->n_attempts > 0 ? job->attempts[job->n_attempts - 1].fence : 0;
    uint32_t percent = job->state == JOB_SUCCEEDED ? 100 : job->percent;
    dump(json_pack("{s:I, s:s?, s:i}", "attempt", (json_int_t)attempt, "step", job->step, "percent",
                   (int)percent),
         out);
}
