#include "job_sql_check.h"

#include "job_migrations.h"

#include <errno.h>
#include <string.h>

#include "rf_log.h"

static void change(job_sql *db)
{
    int64_t version = job_sql_version(db);
    if (version > job_migrations_latest()) {
        job_sql_fail(db, -EPROTO);
    } else if (version == 0) {
        job_sql_script(db, "CREATE TABLE reflection_check(n BIGINT)");
    } else {
        job_sql_exec(db, "UPDATE applications SET queued=queued WHERE seq<0", "");
    }
}

static int change_and_undo(job_sql *db)
{
    job_sql_begin(db);
    change(db);
    int err = job_sql_error(db);
    job_sql_fail(db, -ECANCELED); /* so that the end undoes it */
    (void)job_sql_commit(db);
    return err;
}

static const char *why_of(int err)
{
    switch (err) {
    case -EINVAL:
        return "it is neither sqlite:PATH nor postgresql://...";
    case -EPROTO:
        return "the database was written by a newer version of this program";
    default:
        return "the database cannot be opened and written";
    }
}

/* The driver has logged before what it knows. */
int job_sql_check(const char *url)
{
    job_sql *db = NULL;
    if (url[0] == '\0') {
        return 0;
    }
    int err = job_sql_open(url, JOB_SQL_WRITER, &db);
    err = err == 0 ? change_and_undo(db) : err;
    job_sql_close(db);
    if (err < 0) {
        RF_LOG_ERROR("database cannot be used", RF_STR("setting", "sql.url"),
                     RF_STR("why", why_of(err)));
    }
    return err;
}
