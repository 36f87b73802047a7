/*
 * Ids of applications by their rows: neither changes, so that each is asked for once.
 */
#include "job_store_sql.h"

#include <uthash.h>

typedef struct job_app {
    int64_t app;
    char id[RF_UUID_LEN];
    UT_hash_handle hh;
} job_app;

void job_common_forget_apps(job_common *c)
{
    while (c->apps != NULL) {
        job_app *one = c->apps;
        HASH_DEL(c->apps, one);
        free(one);
    }
}

static job_app *find(job_common *c, int64_t app)
{
    job_app *one;
    HASH_FIND(hh, c->apps, &app, sizeof(app), one);
    return one;
}

static const char *known(job_common *c, int64_t app)
{
    pthread_mutex_lock(&c->mutex);
    const job_app *one = find(c, app);
    pthread_mutex_unlock(&c->mutex);
    return one == NULL ? NULL : one->id;
}

static const char *keep(job_common *c, int64_t app, const char *id)
{
    pthread_mutex_lock(&c->mutex);
    job_app *one = find(c, app);
    if (one == NULL) {
        one = RF_NEW(job_app);
        one->app = app;
        rf_copy_str(one->id, sizeof(one->id), id);
        HASH_ADD(hh, c->apps, app, sizeof(one->app), one);
    }
    pthread_mutex_unlock(&c->mutex);
    return one->id;
}

const char *job_tx_app_id(job_tx *tx, int64_t app)
{
    const char *id = known(tx->common, app);
    if (id != NULL) {
        return id;
    }
    job_rows *rows = job_sql_query(tx->db, "SELECT id FROM applications WHERE seq=?", "i", app);
    if (job_sql_next(tx->db, rows)) {
        id = keep(tx->common, app, job_sql_str(rows, 0, &tx->arena));
        job_sql_end(rows);
    }
    return id == NULL ? "" : id;
}
