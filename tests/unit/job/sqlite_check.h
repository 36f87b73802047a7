/*
 * sqlite_check.h - what holds in every database of the job service between two transactions,
 * whatever happened before.
 */
#ifndef SQLITE_CHECK_H
#define SQLITE_CHECK_H

#include "rf_crypto.h"

/* sqlite_check_rules looks at the file at path with a connection of its own and fails the test with
 * the name of the first rule that is broken. context is printed with it. */
void sqlite_check_rules(const char *path, const char *context);

/* sqlite_check_one runs a query for one number. */
int64_t sqlite_check_one(const char *path, const char *sql);

/* sqlite_check_digest is a hash over every row of every table: equal when nothing was changed. */
void sqlite_check_digest(const char *path, uint8_t digest[RF_SHA256_LEN]);

/* sqlite_check_run runs statements, for tests that put a database into a state. */
void sqlite_check_run(const char *path, const char *sql);

#endif
