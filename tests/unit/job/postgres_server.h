/*
 * postgres_server.h - the PostgreSQL server that tests/servers/with started beside this program.
 */
#ifndef POSTGRES_SERVER_H
#define POSTGRES_SERVER_H

#include "rf_base.h"

/* postgres_database makes an empty schema, which is what a store has to itself, and returns its
 * URL; the caller frees. postgres_drop removes it, whoever is connected. */
char *postgres_database(void) RF_MUST_USE;
void postgres_drop(const char *url);

/* postgres_run runs one statement, postgres_one one that gives a number. */
void postgres_run(const char *url, const char *sql);
int64_t postgres_one(const char *url, const char *sql);

/* postgres_rules fails the test with the name of the first rule of store_rules.h that is broken. */
void postgres_rules(const char *url);

/* postgres_alone waits until no other test of the program uses the server, and keeps them off until
 * this process ends: for tests that kill it. */
void postgres_alone(void);

/* postgres_column calls fn with the first column of every row. */
void postgres_column(const char *url, const char *sql, void (*fn)(void *user, const char *value),
                     void *user);

/* postgres_order has the server killed, started, paused, resumed or restarted. */
void postgres_order(const char *word);

/* postgres_cut ends every connection that was made with this URL. */
void postgres_cut(const char *url);

#endif
