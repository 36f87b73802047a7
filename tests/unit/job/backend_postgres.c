/*
 * The store's suite on PostgreSQL: each test has a schema of its own on the server that
 * tests/servers/with started.
 */
#include "job_fixture.h"
#include "postgres_server.h"

static char *make_url(const fixture *f)
{
    (void)f;
    return postgres_database();
}

static void remove_url(const char *url)
{
    postgres_drop(url);
}

const fixture_backend fixture_store = {
    .name = "postgresql", .n_writers = 3, .make_url = make_url, .remove_url = remove_url};
