#include "job_reuse.h"

#include <jansson.h>

static void leave_out(const char *param, const char *url, void *user)
{
    (void)url;
    json_object_del(user, param);
}

char *job_reuse_seed(job_arena *arena, const job_workflow *w, const char *params)
{
    if (!job_workflow_deterministic(w)) {
        return NULL;
    }
    const job_workflow_row *row = job_workflow_row_of((job_workflow *)(uintptr_t)w);
    json_t *others = json_loads(params, 0, NULL);
    job_workflow_each_url(w, params, leave_out, others);
    char *text = json_dumps(others, JSON_COMPACT | JSON_SORT_KEYS);
    char *seed = job_arena_printf(arena, "%s %lld\n%s" RF_VERSION "\n%s", row->id,
                                  (long long)row->version, job_workflow_engine(w), text);
    free(text);
    json_decref(others);
    return seed;
}
