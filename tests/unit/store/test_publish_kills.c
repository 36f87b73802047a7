/* Q17: a writer killed before and after each step of a publish; the reader sees nothing or all.
 * The linker puts the functions below around the system calls of the store (--wrap). */
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void setup(void)
{
    unsetenv("REFLECTION_STORE_URL");
    store_setup();
}

TestSuite(publish_kills, .init = setup, .fini = store_teardown, .timeout = 100);

/* ---- steps ---- */

static int n_steps;    /* system calls so far */
static int kill_at;    /* 0: never */
static bool kill_late; /* after the call instead of before it */

static void before_step(void)
{
    n_steps++;
    if (n_steps == kill_at && !kill_late) {
        raise(SIGKILL);
    }
}

static void after_step(void)
{
    if (n_steps == kill_at && kill_late) {
        raise(SIGKILL);
    }
}

/* clang-format off */
#define WRAP(ret, name, params, args)      \
    ret __real_##name params;              \
    ret __wrap_##name params;              \
    ret __wrap_##name params               \
    {                                      \
        before_step();                     \
        ret result = __real_##name args;   \
        after_step();                      \
        return result;                     \
    }
WRAP(int, fsync, (int fd), (fd))
WRAP(int, futimens, (int fd, const struct timespec at[2]), (fd, at))
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(int, flock, (int fd, int op), (fd, op))
/* clang-format on */

/* ---- what is published ---- */

#define KEY "recordings/Anna/0b6f7c1e.wav"

static int publish(rf_store *s, const char *text, const char *meta)
{
    rf_store_put *put = NULL;
    int err = rf_store_put_open(s, KEY, NO_LIMIT, 0, &put);
    err = err == 0 ? rf_store_put_write(put, text, strlen(text)) : err;
    err = err == 0 ? rf_store_put_meta(put, meta, strlen(meta)) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    return err;
}

/* Returns whether the writer was killed. */
static bool run_writer(int at, bool late)
{
    pid_t pid = fork();
    if (pid == 0) {
        rf_store *mine = NULL;
        int err = rf_store_open(store_url, &mine);
        n_steps = 0;
        kill_at = at;
        kill_late = late;
        err = err == 0 ? publish(mine, "the new audio", "new meta") : err;
        _exit(err == 0 ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "the writer failed");
    return WIFSIGNALED(status);
}

/* Says which of the two is there: 0 none, 1 old, 2 new. */
static int reader_sees(void)
{
    char text[64] = "";
    size_t len = 0;
    rf_store_object *object = NULL;
    int err = rf_store_get(store, KEY, &object);
    if (err == -ENOENT) {
        return 0;
    }
    cr_assert_eq(err, 0);
    ssize_t n = rf_store_object_read(object, 0, text, sizeof(text));
    const char *meta = rf_store_object_meta(object, &len);
    bool is_new = n == 13 && memcmp(text, "the new audio", 13) == 0;
    bool is_old = n == 3 && memcmp(text, "old", 3) == 0;
    cr_assert(is_new || is_old, "a part of an object: %zd bytes", n);
    cr_assert_eq(len, 8);
    cr_assert_eq(memcmp(meta, is_new ? "new meta" : "old meta", 8), 0, "not its metadata");
    rf_store_object_free(object);
    return is_new ? 2 : 1;
}

static int count_one(const char *key, const rf_store_info *info, void *user)
{
    (void)info;
    cr_assert_str_eq(key, KEY);
    ++*(int *)user;
    return 0;
}

static int files_in(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", store_dir, name);
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 ? 1 : 0;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}

/* The next open and list remove what the dead writer left. */
static void expect_no_leftovers(int seen)
{
    rf_store *again = NULL;
    int n = 0;
    cr_assert_eq(rf_store_open(store_url, &again), 0);
    cr_assert_eq(rf_store_list(again, "", count_one, &n), 0);
    rf_store_close(again);
    cr_assert_eq(n, seen == 0 ? 0 : 1);
    cr_assert_eq(files_in(".tmp"), 0);
    cr_assert_eq(files_in("recordings/Anna"), seen == 0 ? 0 : 2);
}

static int kill_everywhere(bool over_old, bool late, int counts[3])
{
    int at = 1;
    for (bool killed = true; killed; at++) {
        rf_store_delete(store, KEY);
        if (over_old) {
            cr_assert_eq(publish(store, "old", "old meta"), 0);
        }
        killed = run_writer(at, late);
        int seen = reader_sees();
        cr_assert(!over_old || seen != 0, "step %d: the old object is gone", at);
        cr_assert(killed || seen == 2, "a publish that came to its end is seen");
        expect_no_leftovers(seen);
        counts[seen]++;
    }
    return at - 1;
}

Test(publish_kills, Q17_the_reader_sees_nothing_or_all)
{
    for (int late = 0; late < 2; late++) {
        int counts[3] = {0};
        int n = kill_everywhere(false, late == 1, counts);
        cr_assert_gt(n, 10, "only %d steps", n);
        cr_assert(counts[0] > 5 && counts[2] > 1, "%d nothing, %d all", counts[0], counts[2]);
    }
}

Test(publish_kills, Q17_over_an_object_the_reader_sees_the_old_or_the_new)
{
    for (int late = 0; late < 2; late++) {
        int counts[3] = {0};
        kill_everywhere(true, late == 1, counts);
        cr_assert(counts[1] > 5 && counts[2] > 1, "%d old, %d new", counts[1], counts[2]);
    }
}
