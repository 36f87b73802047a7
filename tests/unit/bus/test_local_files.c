/* What only the local bus has: its directory, damaged logs, full disks, locks of dead members. */
#include "bus_fixture.h"
#include "rf_buf.h"
#include "rf_file.h"
#include "rf_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* These look below the interface, so they always use a directory. */
static void setup(void)
{
    unsetenv("REFLECTION_BUS_URL");
    bus_setup();
}

TestSuite(local_files, .init = setup, .fini = bus_teardown);

static char *path_of(const char *name)
{
    return rf_asprintf("%s/%s", bus_dir, name);
}

static int count_members(void)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("members");
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += e->d_name[0] != '.' ? 1 : 0;
    }
    closedir(d);
    return n;
}

static int64_t ask_number(const char *sql)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("bus.db");
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s", sql);
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s", sql);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

static void change(const char *sql)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("bus.db");
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(local_files, the_directory_is_made_and_private)
{
    char url[600];
    snprintf(url, sizeof(url), "local:%s/deep/er/bus", bus_dir);
    rf_bus *bus = NULL;
    cr_assert_eq(rf_bus_open(&(rf_bus_config){.url = url}, &bus), 0);
    struct stat st;
    cr_assert_eq(stat(url + strlen("local:"), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    rf_bus_close(bus);
}

Test(local_files, commits_are_synchronous_in_a_write_ahead_log)
{
    rf_bus *bus = bus_open();
    bus_put(bus, "t", NULL, "x");
    bus_flush(bus);
    RF_CLEANUP(rf_cleanup_free) char *wal = path_of("bus.db-wal");
    cr_assert_eq(access(wal, F_OK), 0);
    rf_bus_close(bus);
}

Test(local_files, a_member_leaves_no_trace)
{
    rf_bus *bus = bus_open();
    for (int i = 0; i < 5; i++) {
        rf_bus_sub *sub = bus_join(bus, "g", "t");
        cr_assert_eq(count_members(), 1);
        rf_bus_unsubscribe(sub);
        cr_assert_eq(count_members(), 0);
    }
    rf_bus_close(bus);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM member"), 0);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM reads"), 0);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM owner"), 0);
}

static void die_as_member(const char *group)
{
    pid_t pid = fork();
    if (pid == 0) {
        rf_bus *bus = bus_open();
        bus_join(bus, group, "t");
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

Test(local_files, locks_of_the_dead_are_swept_at_open)
{
    for (int i = 0; i < 3; i++) {
        die_as_member("g");
        rf_bus *bus = bus_open(); /* nobody of this group joins again */
        cr_assert_eq(count_members(), 0);
        rf_bus_close(bus);
    }
}

Test(local_files, foreign_files_among_the_locks_stay)
{
    rf_bus_close(bus_open());
    RF_CLEANUP(rf_cleanup_free) char *note = path_of("members/README");
    cr_assert_eq(rf_file_write_atomic(note, "hi", 2, 0600), 0);
    rf_bus_close(bus_open());
    cr_assert_eq(access(note, F_OK), 0);
}

Test(local_files, a_member_that_was_struck_off_is_told)
{
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, "g", "t");
    bus_owned(sub);
    change("DELETE FROM member");
    rf_bus_sub *other = bus_join(bus, "g", "t"); /* its joining makes the group look again */
    rf_bus_message *m = NULL;
    cr_assert_eq(rf_bus_next(sub, &m, BUS_SOON_NS), -ESTALE);
    rf_bus_unsubscribe(sub);
    cr_assert_eq(bus_owned(other), 8);
    rf_bus_unsubscribe(other);
    rf_bus_close(bus);
}

/* ---- damage ---- */

Test(local_files, a_file_that_is_no_log_is_refused)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("bus.db");
    char junk[8192];
    rf_random(junk, sizeof(junk));
    cr_assert_eq(rf_file_write_atomic(path, junk, sizeof(junk), 0600), 0);
    rf_bus *bus = NULL;
    cr_assert_eq(rf_bus_open(&(rf_bus_config){.url = bus_url}, &bus), -EBADMSG);
}

Test(local_files, a_log_of_another_version_is_refused)
{
    rf_bus_close(bus_open());
    change("PRAGMA user_version=99");
    rf_bus *bus = NULL;
    cr_assert_eq(rf_bus_open(&(rf_bus_config){.url = bus_url}, &bus), -EBADMSG);
}

/* The tables as they were, each record a row; ids are partition << 40 | offset. */
static void make_version_1(void)
{
    change(
        "PRAGMA journal_mode=WAL;"
        "CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        " first_part INTEGER NOT NULL, n_parts INTEGER NOT NULL) STRICT;"
        "CREATE TABLE part(id INTEGER PRIMARY KEY, next INTEGER NOT NULL, bytes INTEGER NOT NULL)"
        " STRICT;"
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, key BLOB,"
        " value BLOB NOT NULL, headers BLOB NOT NULL) STRICT;"
        "CREATE TABLE grp(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        " generation INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE grp_offset(grp INTEGER NOT NULL, part INTEGER NOT NULL,"
        " next INTEGER NOT NULL, PRIMARY KEY(grp, part)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE member(id INTEGER PRIMARY KEY AUTOINCREMENT, grp INTEGER NOT NULL,"
        " name TEXT NOT NULL) STRICT;"
        "CREATE INDEX member_grp ON member(grp);"
        "CREATE TABLE reads(member INTEGER NOT NULL REFERENCES member(id) ON DELETE CASCADE,"
        " topic INTEGER NOT NULL, PRIMARY KEY(member, topic)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE owner(grp INTEGER NOT NULL, part INTEGER NOT NULL,"
        " member INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY(grp, part))"
        " STRICT, WITHOUT ROWID;"
        "INSERT INTO topic VALUES(1, 't', 1, 2);"
        "INSERT INTO part VALUES(1, 3, 0), (2, 9, 28);"
        "INSERT INTO log VALUES((2 << 40) + 6, 1000, NULL, x'61', x'');"
        "INSERT INTO log VALUES((2 << 40) + 7, 2000, x'', x'62',"
        " CAST('message-id' || char(0) || char(1) || char(0) || 'x' AS BLOB));"
        "INSERT INTO log VALUES((2 << 40) + 8, 3000, x'6b6579', x'63', x'');"
        "INSERT INTO grp VALUES(1, 'g', 4);"
        "INSERT INTO grp_offset VALUES(1, 2, 7);"
        "PRAGMA user_version=1");
}

Test(local_files, a_log_of_the_version_before_is_brought_up_to_date)
{
    make_version_1();
    rf_bus *bus = bus_open();
    cr_assert_eq(ask_number("PRAGMA user_version"), 2);
    cr_assert_eq(bus_lag(bus, "nobody", "t"), 3, "retention had dropped the others");
    cr_assert_eq(bus_lag(bus, "g", "t"), 2);
    rf_bus_sub *sub = bus_join(bus, "another", "t");
    rf_bus_message *m[3] = {bus_take(sub), bus_take(sub), bus_take(sub)};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(m[i]->partition, 1);
        cr_assert_eq(m[i]->offset, 6 + i);
        cr_assert_eq(m[i]->at_ms, 1000 * (i + 1));
    }
    cr_assert_null(m[0]->key);
    cr_assert_str_eq(bus_text(m[0]), "a");
    cr_assert_not_null(m[1]->key);
    cr_assert_eq(m[1]->key_len, 0);
    const rf_bus_header *id = rf_bus_message_header(m[1], RF_BUS_MESSAGE_ID);
    cr_assert(id != NULL && id->value_len == 1 && memcmp(id->value, "x", 1) == 0);
    cr_assert_eq(m[2]->key_len, 3);
    for (int i = 0; i < 3; i++) {
        rf_bus_message_free(m[i]);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(local_files, a_log_that_cannot_be_opened_is_told)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("bus.db");
    cr_assert_eq(mkdir(path, 0700), 0);
    rf_bus *bus = NULL;
    cr_assert_lt(rf_bus_open(&(rf_bus_config){.url = bus_url}, &bus), 0);
    cr_assert_null(bus);
}

Test(local_files, headers_that_cannot_be_read_are_left_out)
{
    rf_bus *bus = bus_open();
    rf_bus_header h = {RF_BUS_MESSAGE_ID, "x", 1};
    rf_bus_record r = {.topic = "t", .value = "v", .value_len = 1, .headers = &h, .n_headers = 1};
    cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), 0);
    bus_flush(bus);
    /* The last bytes of a chunk are the headers of its last record. */
    cr_assert_eq(ask_number("SELECT length(chunk) FROM log"), 8 + 1 + 14);
    change("UPDATE log SET chunk = CAST(substr(chunk, 1, 9) || zeroblob(14) AS BLOB)");
    rf_bus_sub *sub = bus_join(bus, "g", "t");
    rf_bus_message *m = bus_take(sub);
    cr_assert_eq(m->n_headers, 0);
    cr_assert_str_eq(bus_text(m), "v");
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

typedef struct failures {
    _Atomic(int) n_ok;
    _Atomic(int) n_failed;
    rf_bus_error error;
} failures;

static void note(const rf_bus_delivery *d, void *user)
{
    failures *f = user;
    if (d->error.err == 0) {
        atomic_fetch_add(&f->n_ok, 1);
    } else {
        f->error = d->error;
        atomic_fetch_add(&f->n_failed, 1);
    }
}

Test(local_files, a_log_damaged_while_open_is_fatal)
{
    rf_bus *bus = bus_open();
    bus_put(bus, "t", NULL, "x");
    bus_flush(bus);
    change("DROP TABLE log; CREATE VIEW log AS SELECT 1 AS id");
    failures f = {0};
    rf_bus_record r = {.topic = "t", .value = "v", .value_len = 1};
    cr_assert_eq(rf_bus_produce(bus, &r, note, &f, 0), 0);
    bus_flush(bus);
    cr_assert_eq(atomic_load(&f.n_failed), 1);
    cr_assert(f.error.fatal);
    cr_assert_not(f.error.retriable);
    cr_assert(rf_bus_health(bus).fatal);
    cr_assert_eq(rf_bus_produce(bus, &r, note, &f, 0), -EIO);
    rf_bus_close(bus);
}

/* ---- the write-ahead log ---- */

static off_t size_of(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of(name);
    struct stat st;
    return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* Records of 60,000 bytes. */
static void put_large(rf_bus *bus, int n)
{
    static char value[60000];
    rf_bus_record r = {.topic = "t", .value = value, .value_len = sizeof(value)};
    for (int i = 0; i < n; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
    }
    bus_flush(bus);
}

Test(local_files, the_write_ahead_log_is_copied_back_beside_the_writer)
{
    rf_bus *bus = bus_open();
    put_large(bus, 400);
    int64_t until = BUS_SOON_NS;
    while (size_of("bus.db") < 10 << 20 && rf_time_ns() < until) {
        usleep(5000);
    }
    cr_assert_geq(size_of("bus.db"), 10 << 20, "24 MB were written");
    cr_assert_eq(bus_lag(bus, "g", "t"), 400);
    rf_bus_close(bus);
}

/* At most 64 MiB, and what one transaction adds, of the 32 MiB that may wait. */
Test(local_files, the_write_ahead_log_is_bounded)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url, .retention_bytes = 1 << 20};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    put_large(bus, 2500);
    cr_assert_lt(size_of("bus.db-wal"), 110 << 20, "150 MB were written: %lld",
                 (long long)size_of("bus.db-wal"));
    rf_bus_close(bus);
}

/* ---- a full disk ---- */

/* Gives the bus a file system of a few MiB. False where that is not allowed. */
static bool mount_small(void)
{
    return mount("tmpfs", bus_dir, "tmpfs", 0, "size=4m") == 0;
}

Test(local_files, a_full_disk_is_retriable_and_loses_nothing_acknowledged)
{
    if (!mount_small()) {
        cr_skip_test("mounting is not allowed here");
    }
    rf_bus *bus = bus_open();
    static char value[RF_BUS_MAX_VALUE];
    memset(value, 'v', sizeof(value));
    failures f = {0};
    rf_bus_record r = {.topic = "t", .value = value, .value_len = sizeof(value)};
    for (int i = 0; i < 200 && atomic_load(&f.n_failed) == 0; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, note, &f, BUS_SOON_NS), 0);
        bus_flush(bus);
    }
    cr_assert_gt(atomic_load(&f.n_failed), 0, "the disk did not fill");
    cr_assert_eq(f.error.err, -ENOSPC);
    cr_assert(f.error.retriable);
    cr_assert_not(f.error.fatal);
    cr_assert_eq(rf_bus_health(bus).err, -ENOSPC);
    cr_assert_eq(bus_lag(bus, "g", "t"), atomic_load(&f.n_ok));
    cr_assert_eq(mount("tmpfs", bus_dir, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    int n_ok = atomic_load(&f.n_ok);
    cr_assert_eq(rf_bus_produce(bus, &r, note, &f, BUS_SOON_NS), 0);
    bus_flush(bus);
    cr_assert_eq(atomic_load(&f.n_ok), n_ok + 1, "space that came back is used");
    cr_assert_eq(rf_bus_health(bus).err, 0);
    cr_assert_eq(bus_lag(bus, "g", "t"), n_ok + 1);
    rf_bus_close(bus);
    umount2(bus_dir, MNT_DETACH);
}

/* A file that may not grow: EFBIG at the write, which SQLite tells like any other failure of a
 * disk.
 */
static struct rlimit stop_growth(void)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("bus.db-wal");
    struct rlimit before;
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit now = {.rlim_cur = (rlim_t)st.st_size, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &now), 0);
    return before;
}

Test(local_files, a_disk_that_fails_is_retriable_and_the_bus_goes_on_after_it)
{
    enum { TOGETHER = 20 };
    rf_bus *bus = bus_open();
    bus_put(bus, "t", NULL, "x");
    bus_flush(bus);
    failures f = {0};
    rf_bus_record r = {.topic = "t", .value = "v", .value_len = 1};
    const struct rlimit before = stop_growth();
    for (int i = 0; i < TOGETHER; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, note, &f, 0), 0);
    }
    bus_flush(bus);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(atomic_load(&f.n_failed), TOGETHER);
    cr_assert_eq(f.error.err, -EIO);
    cr_assert(f.error.retriable);
    cr_assert_eq(rf_bus_health(bus).err, -EIO);
    cr_assert_eq(rf_bus_produce(bus, &r, note, &f, 0), 0);
    bus_flush(bus);
    cr_assert_eq(atomic_load(&f.n_ok), 1, "a disk that works again is used");
    cr_assert_eq(rf_bus_health(bus).err, 0);
    cr_assert_eq(bus_lag(bus, "g", "t"), 2);
    rf_bus_close(bus);
}

/* ---- limits of the backend ---- */

Test(local_files, a_topic_too_many_fails_alone)
{
    rf_bus *bus = bus_open();
    failures good = {0};
    failures bad = {0};
    for (int i = 0; i < 1100; i++) {
        char topic[32];
        snprintf(topic, sizeof(topic), "t-%d", i);
        rf_bus_record r = {.topic = topic, .value = "v", .value_len = 1};
        rf_bus_record first = {.topic = "t-0", .value = "v", .value_len = 1};
        cr_assert_eq(rf_bus_produce(bus, &r, note, i < 1024 ? &good : &bad, BUS_SOON_NS), 0);
        cr_assert_eq(rf_bus_produce(bus, &first, note, &good, BUS_SOON_NS), 0);
    }
    bus_flush(bus);
    cr_assert_eq(atomic_load(&good.n_failed), 0);
    cr_assert_eq(atomic_load(&good.n_ok), 1024 + 1100);
    cr_assert_eq(atomic_load(&bad.n_failed), 1100 - 1024);
    cr_assert_eq(bad.error.err, -EOVERFLOW);
    cr_assert(bad.error.retriable);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM topic"), 1024);
    rf_bus_close(bus);
}

enum { MOST_MEMBERS = 256 };

/* Adds members whose locks this process holds, as other processes would. */
static void add_members(int64_t group, int n, int *fds)
{
    rf_buf sql;
    rf_buf_init(&sql, 1 << 20);
    rf_buf_append_str(&sql, "BEGIN;");
    for (int i = 0; i < n; i++) {
        char id[RF_UUID_LEN];
        RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("members/%s", rf_uuid4(id));
        RF_CLEANUP(rf_cleanup_free) char *path = path_of(name);
        fds[i] = open(path, O_RDWR | O_CREAT, 0600);
        cr_assert_eq(flock(fds[i], LOCK_EX | LOCK_NB), 0);
        rf_buf_printf(&sql, "INSERT INTO member(grp, name) VALUES(%lld, '%s');", (long long)group,
                      id);
    }
    rf_buf_append_str(&sql, "COMMIT");
    change(rf_buf_str(&sql));
    rf_buf_done(&sql);
}

Test(local_files, a_group_too_large_is_refused)
{
    static int fds[MOST_MEMBERS];
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, "g", "t");
    add_members(ask_number("SELECT grp FROM member"), MOST_MEMBERS - 1, fds);
    const char *topic = "t";
    rf_bus_sub_config config = {.group = "g", .topics = &topic, .n_topics = 1};
    rf_bus_sub *above = NULL;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &above), -EUSERS);
    cr_assert_null(above);
    config.group = "another";
    cr_assert_eq(rf_bus_subscribe(bus, &config, &above), 0, "groups are limited apart");
    rf_bus_unsubscribe(above);
    rf_close(&fds[0]); /* one of them dies */
    config.group = "g";
    cr_assert_eq(rf_bus_subscribe(bus, &config, &above), 0);
    rf_bus_unsubscribe(above);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

static int join_topics(rf_bus *bus, int first, int n, rf_bus_sub **ret)
{
    static char names[RF_BUS_MAX_TOPICS][32];
    const char *topics[RF_BUS_MAX_TOPICS];
    for (int i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "t-%d", first + i);
        topics[i] = names[i];
    }
    rf_bus_sub_config config = {.group = "g", .topics = topics, .n_topics = (size_t)n};
    return rf_bus_subscribe(bus, &config, ret);
}

Test(local_files, a_group_of_too_many_topics_is_refused)
{
    rf_bus *bus = bus_open();
    rf_bus_sub *a = NULL;
    rf_bus_sub *b = NULL;
    rf_bus_sub *c = NULL;
    cr_assert_eq(join_topics(bus, 0, RF_BUS_MAX_TOPICS, &a), 0);
    cr_assert_eq(join_topics(bus, RF_BUS_MAX_TOPICS, RF_BUS_MAX_TOPICS, &b), 0);
    cr_assert_eq(join_topics(bus, 2 * RF_BUS_MAX_TOPICS, 1, &c), -E2BIG);
    cr_assert_eq(count_members(), 2, "the refused one leaves nothing");
    cr_assert_eq(bus_owned(a), 8 * RF_BUS_MAX_TOPICS);
    cr_assert_eq(join_topics(bus, 0, 1, &c), 0, "a topic that the group has is no more");
    rf_bus_unsubscribe(c);
    rf_bus_unsubscribe(b);
    cr_assert_eq(join_topics(bus, 2 * RF_BUS_MAX_TOPICS, 1, &c), 0, "topics go with their readers");
    rf_bus_unsubscribe(c);
    rf_bus_unsubscribe(a);
    rf_bus_close(bus);
}
