#include "postgres_server.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rf_id.h"
#include "store_rules.h"

static PGconn *open_at(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    PQclear(PQexec(conn, "SET client_min_messages=warning; SET default_transaction_read_only=off"));
    return conn;
}

static PGresult *ask(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
              PQerrorMessage(conn));
    return result;
}

static const char *server_url(void)
{
    const char *url = getenv("REFLECTION_TEST_SQL");
    cr_assert_not_null(url, "run it by tests/servers/with postgres REFLECTION_TEST_SQL=url --");
    return url;
}

void postgres_run(const char *url, const char *sql)
{
    PGconn *conn = open_at(url);
    PQclear(ask(conn, sql));
    PQfinish(conn);
}

static int64_t ask_one(PGconn *conn, const char *sql)
{
    PGresult *result = ask(conn, sql);
    int64_t value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

int64_t postgres_one(const char *url, const char *sql)
{
    PGconn *conn = open_at(url);
    int64_t value = ask_one(conn, sql);
    PQfinish(conn);
    return value;
}

void postgres_column(const char *url, const char *sql, void (*fn)(void *user, const char *value),
                     void *user)
{
    PGconn *conn = open_at(url);
    PGresult *result = ask(conn, sql);
    for (int i = 0; i < PQntuples(result); i++) {
        fn(user, PQgetvalue(result, i, 0));
    }
    PQclear(result);
    PQfinish(conn);
}

char *postgres_database(void)
{
    char id[RF_UUID_LEN];
    rf_uuid4(id);
    id[8] = '\0'; /* what is before the first dash */
    RF_CLEANUP(rf_cleanup_free) char *sql = rf_asprintf("CREATE SCHEMA t%s", id);
    postgres_run(server_url(), sql);
    return rf_asprintf("%s?options=-csearch_path%%3Dt%s&application_name=t%s", server_url(), id,
                       id);
}

static const char *name_of(const char *url)
{
    return strrchr(url, '=') + 1;
}

void postgres_drop(const char *url)
{
    postgres_cut(url);
    RF_CLEANUP(rf_cleanup_free)
    char *sql = rf_asprintf("DROP SCHEMA %s CASCADE", name_of(url));
    postgres_run(server_url(), sql);
}

void postgres_cut(const char *url)
{
    RF_CLEANUP(rf_cleanup_free)
    char *sql = rf_asprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                            " application_name='%s'",
                            name_of(url));
    postgres_run(server_url(), sql);
}

void postgres_rules(const char *url)
{
    PGconn *conn = open_at(url);
    for (size_t i = 0; i < store_n_rules; i++) {
        cr_assert_eq(ask_one(conn, store_rules[i].sql), 0, "%s", store_rules[i].rule);
    }
    PQfinish(conn);
}

void postgres_alone(void)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_asprintf("%s.lock", getenv("REFLECTION_SERVER"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(flock(fd, LOCK_EX), 0); /* until the process ends */
}

void postgres_order(const char *word)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *path = getenv("REFLECTION_SERVER");
    cr_assert_not_null(path);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    cr_assert_gt(dprintf(fd, "%s\n", word), 0);
    char answer[1024];
    ssize_t n = read(fd, answer, sizeof(answer) - 1);
    cr_assert_gt(n, 0);
    answer[n] = '\0';
    cr_assert_eq(strncmp(answer, "ok", 2), 0, "%s: %s", word, answer);
    close(fd);
}
