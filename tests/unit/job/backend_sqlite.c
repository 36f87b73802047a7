/*
 * The store's suite on SQLite.
 */
#include "job_fixture.h"

const fixture_backend fixture_store = {.name = "sqlite", .open = job_store_sqlite_open};
