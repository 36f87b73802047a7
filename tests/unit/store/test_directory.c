/* What only a directory store has: its walls, what crashes leave, full disks. */
#include "store_fixture.h"

#include "rf_file.h"
#include "rf_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void setup(void)
{
    unsetenv("REFLECTION_STORE_URL");
    store_setup();
}

TestSuite(directory, .init = setup, .fini = store_teardown);

static char *path_of(const char *name)
{
    return rf_asprintf("%s/%s", store_dir, name);
}

static int count_entries(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of(name);
    DIR *d = opendir(path);
    int n = 0;
    if (d == NULL) {
        return -1;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 ? 1 : 0;
    }
    closedir(d);
    return n;
}

Test(directory, it_and_its_objects_are_private)
{
    char url[600];
    snprintf(url, sizeof(url), "dir:%s/made/deep", store_dir);
    rf_store *deep = NULL;
    struct stat st;
    cr_assert_eq(rf_store_open(url, &deep), 0);
    cr_assert_eq(stat(url + 4, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    rf_store_close(deep);
    cr_assert_eq(store_put_text("a/b", "x", 0), 0);
    RF_CLEANUP(rf_cleanup_free) char *path = path_of("a/b");
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

/* ---- walls ---- */

/* Objects below "link" would lie outside, or be reached in a way that was not meant. */
Test(directory, symbolic_links_lead_nowhere)
{
    char outside[] = "/tmp/rf-store-outside-XXXXXX";
    cr_assert_not_null(mkdtemp(outside));
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/secret", outside);
    cr_assert_eq(rf_file_write_atomic(secret, "s", 1, 0600), 0);
    cr_assert_eq(store_put_text("real/object", "x", 0), 0);
    const char *targets[] = {outside, "real", "..", "/", secret, "real/object", "/proc/self/fd"};
    for (size_t i = 0; i < RF_ARRAY_LEN(targets); i++) {
        RF_CLEANUP(rf_cleanup_free) char *link = path_of("link");
        RF_CLEANUP(rf_cleanup_free) char *below = path_of("dir/link");
        RF_CLEANUP(rf_cleanup_free) char *dir = path_of("dir");
        rf_store_info info;
        cr_assert_eq(symlink(targets[i], link), 0);
        cr_assert_eq(rf_mkdirs(dir, 0700), 0);
        cr_assert_eq(symlink(targets[i], below), 0);
        static const char *const keys[] = {"link",     "link/secret",     "link/object",
                                           "dir/link", "dir/link/secret", "dir/link/object"};
        for (size_t k = 0; k < RF_ARRAY_LEN(keys); k++) {
            store_expect(keys[k], NULL);
            cr_assert_eq(rf_store_stat(store, keys[k], &info), -ENOENT, "%s", keys[k]);
            if (strchr(keys[k], '/') != NULL && strcmp(keys[k], "dir/link") != 0) {
                cr_assert_lt(store_put_text(keys[k], "planted", 0), 0, "%s", keys[k]);
                cr_assert_lt(rf_store_delete(store, keys[k]), 0, "%s", keys[k]);
            }
        }
        unlink(link);
        unlink(below);
    }
    store_expect("real/object", "x");
    cr_assert_eq(access(secret, F_OK), 0);
    cr_assert_eq(unlink(secret), 0);
    cr_assert_eq(rmdir(outside), 0, "nothing was planted");
}

static int count_one(const char *key, const rf_store_info *info, void *user)
{
    (void)key, (void)info;
    ++*(int *)user;
    return 0;
}

Test(directory, what_is_no_object_is_not_listed)
{
    cr_assert_eq(store_put_text("a/b", "x", 0), 0);
    RF_CLEANUP(rf_cleanup_free) char *upper = path_of("READ ME");
    RF_CLEANUP(rf_cleanup_free) char *hidden = path_of("a/.hidden");
    RF_CLEANUP(rf_cleanup_free) char *pipe_path = path_of("a/fifo");
    RF_CLEANUP(rf_cleanup_free) char *link = path_of("a/link");
    cr_assert_eq(rf_file_write_atomic(upper, "x", 1, 0600), 0);
    cr_assert_eq(rf_file_write_atomic(hidden, "x", 1, 0600), 0);
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    cr_assert_eq(symlink("b", link), 0);
    int n = 0;
    cr_assert_eq(rf_store_list(store, "", count_one, &n), 0);
    cr_assert_eq(n, 1);
    store_expect("a/fifo", NULL); /* and does not hang */
    cr_assert_eq(rf_store_delete_prefix(store, "a", NULL), 0);
    cr_assert_eq(access(hidden, F_OK), 0, "only objects are removed");
}

Test(directory, empty_directories_go_with_their_last_object)
{
    cr_assert_eq(store_put_text("jobs/j1/1/a", "x", 0), 0);
    cr_assert_eq(store_put_text("jobs/j1/2/b", "x", 0), 0);
    cr_assert_eq(rf_store_delete(store, "jobs/j1/1/a"), 0);
    cr_assert_eq(count_entries("jobs/j1/1"), -1);
    cr_assert_eq(count_entries("jobs/j1"), 1);
    cr_assert_eq(rf_store_delete(store, "jobs/j1/2/b"), 0);
    cr_assert_eq(count_entries("jobs"), -1);
}

/* ---- crashes ---- */

Test(directory, an_unfinished_put_leaves_nothing)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, "a", NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, "x", 1), 0);
    cr_assert_eq(count_entries(".tmp"), 1);
    rf_store_put_free(put);
    cr_assert_eq(count_entries(".tmp"), 0);
    cr_assert_eq(store_put_text("a", "x", 0), 0);
    cr_assert_eq(count_entries(".tmp"), 0);
}

static void die_while_putting(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        rf_store *mine = NULL;
        rf_store_put *put = NULL;
        if (rf_store_open(store_url, &mine) == 0 &&
            rf_store_put_open(mine, "a", NO_LIMIT, 0, &put) == 0 &&
            rf_store_put_write(put, "half", 4) == 0) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status));
}

Test(directory, what_a_crash_left_is_swept_at_open_and_living_puts_are_not)
{
    rf_store_put *alive = NULL;
    cr_assert_eq(rf_store_put_open(store, "alive", NO_LIMIT, 0, &alive), 0);
    cr_assert_eq(rf_store_put_write(alive, "alive", 5), 0);
    die_while_putting();
    cr_assert_eq(count_entries(".tmp"), 2);
    store_expect("a", NULL);
    rf_store *second = NULL;
    cr_assert_eq(rf_store_open(store_url, &second), 0);
    cr_assert_eq(count_entries(".tmp"), 1);
    cr_assert_eq(rf_store_put_commit(alive), 0);
    rf_store_put_free(alive);
    store_expect("alive", "alive");
    rf_store_close(second);
}

/* A writer killed again and again: an object is there whole or not at all. */
Test(directory, kills_leave_whole_objects, .timeout = 60)
{
    enum { SIZE = 200000, ROUNDS = 25 };
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            static char data[SIZE];
            for (int n = 0;; n++) {
                rf_store_put *put = NULL;
                memset(data, 'a' + n % 26, SIZE);
                int err = rf_store_put_open(store, "x/object", NO_LIMIT, 0, &put);
                err = err == 0 ? rf_store_put_write(put, data, SIZE) : err;
                err = err == 0 ? rf_store_put_commit(put) : err;
                if (err < 0) {
                    _exit(-err);
                }
                rf_store_put_free(put);
            }
        }
        usleep((useconds_t)(5000 + rf_random_u64(30000)));
        kill(pid, SIGKILL);
        int status = 0;
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status), "the writer failed: %s", strerror(WEXITSTATUS(status)));
        rf_store_object *object = NULL;
        int err = rf_store_get(store, "x/object", &object);
        if (err == 0) {
            static char data[SIZE];
            cr_assert_eq(rf_store_object_read(object, 0, data, SIZE), SIZE);
            cr_assert_eq(memcmp(data, data + 1, SIZE - 1), 0, "bytes of two puts are mixed");
            rf_store_object_free(object);
        } else {
            cr_assert_eq(err, -ENOENT);
        }
    }
}

/* ---- the disk ---- */

Test(directory, a_full_disk_is_told_and_leaves_nothing)
{
    char small[] = "/tmp/rf-store-small-XXXXXX";
    cr_assert_not_null(mkdtemp(small));
    if (mount("tmpfs", small, "tmpfs", 0, "size=1m") < 0) {
        rmdir(small);
        cr_skip_test("mounting is not allowed here");
    }
    char url[64];
    snprintf(url, sizeof(url), "dir:%s", small);
    rf_store *full = NULL;
    rf_store_put *put = NULL;
    static char data[65536];
    cr_assert_eq(rf_store_open(url, &full), 0);
    cr_assert_eq(rf_store_put_open(full, "big", NO_LIMIT, 0, &put), 0);
    int err = 0;
    for (int i = 0; i < 100 && err == 0; i++) {
        err = rf_store_put_write(put, data, sizeof(data));
    }
    cr_assert_eq(err, -ENOSPC);
    cr_assert_eq(rf_store_put_commit(put), -EBADF);
    rf_store_put_free(put);
    cr_assert_eq(rf_store_put_open(full, "small", NO_LIMIT, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, data, sizeof(data)), 0, "the room came back");
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
    rf_store_close(full);
    umount2(small, MNT_DETACH);
    rmdir(small);
}

Test(directory, a_root_that_is_no_directory_is_told)
{
    RF_CLEANUP(rf_cleanup_free) char *file = path_of("FILE");
    cr_assert_eq(rf_file_write_atomic(file, "x", 1, 0600), 0);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s", file);
    RF_CLEANUP(rf_cleanup_free) char *below = rf_asprintf("dir:%s/below", file);
    rf_store *none = NULL;
    cr_assert_lt(rf_store_open(url, &none), 0);
    cr_assert_lt(rf_store_open(below, &none), 0);
    cr_assert_null(none);
}

Test(directory, a_swept_put_in_progress_does_not_come_back_as_another)
{
    /* A person emptied .tmp: the commit fails, it does not invent an object. */
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(store, "a", NO_LIMIT, 0, &put), 0);
    RF_CLEANUP(rf_cleanup_free) char *temp = path_of(".tmp");
    DIR *d = opendir(temp);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            cr_assert_eq(unlinkat(dirfd(d), e->d_name, 0), 0);
        }
    }
    closedir(d);
    cr_assert_eq(rf_store_put_commit(put), -ENOENT);
    rf_store_put_free(put);
    store_expect("a", NULL);
}

Test(directory, a_check_writes_and_leaves_no_object)
{
    int n = 0;
    cr_assert_eq(rf_store_check(store_url), 0);
    cr_assert_eq(rf_store_list(store, "", count_one, &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(rf_store_check(""), 0, "the data directory is not looked at");
    cr_assert_eq(rf_store_check("ftp://127.0.0.1/x"), -EINVAL);
    cr_assert_lt(rf_store_check("dir:/proc/nowhere"), 0);
}
