/*
 * The store's suite on SQLite.
 */
#include "job_fixture.h"

#include <string.h>
#include <unistd.h>

static char *make_url(const fixture *f)
{
    return rf_asprintf("sqlite:%s", f->path);
}

static void remove_url(const char *url)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < RF_ARRAY_LEN(suffixes); i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *path = rf_asprintf("%s%s", url + strlen("sqlite:"), suffixes[i]);
        unlink(path);
    }
}

const fixture_backend fixture_store = {
    .name = "sqlite", .make_url = make_url, .remove_url = remove_url};
