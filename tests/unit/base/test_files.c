#include "rf_file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void make_dir(void)
{
    strcpy(dir, "/tmp/rf_file_XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
    DIR *d = opendir(dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
    rmdir(dir);
}

static size_t count_entries(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

TestSuite(file, .init = make_dir, .fini = remove_dir);

Test(file, atomic_write_replaces_and_leaves_nothing_beside)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/a", dir);
    rf_buf text;
    struct stat st;
    rf_buf_init(&text, 100);
    cr_assert_eq(rf_file_write_atomic(path, "one", 3, 0600), 0);
    cr_assert_eq(rf_file_write_atomic(path, "two!", 4, 0640), 0);
    cr_assert_eq(rf_file_read(path, &text), 0);
    cr_assert_str_eq(rf_buf_str(&text), "two!");
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640);
    cr_assert_eq(count_entries(), 1);
    rf_buf_done(&text);
}

Test(file, errors_are_those_of_the_system)
{
    rf_buf text;
    rf_buf_init(&text, 2);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/a", dir);
    cr_assert_eq(rf_file_read(path, &text), -ENOENT);
    cr_assert_eq(rf_file_write_atomic(path, "abc", 3, 0600), 0);
    cr_assert_eq(rf_file_read(path, &text), -ENOSPC);
    cr_assert_eq(rf_file_write_atomic("/nowhere/a", "abc", 3, 0600), -ENOENT);
    rf_buf_done(&text);
}

Test(file, mkdirs_makes_parents_and_accepts_existing)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/x/y/z", dir);
    cr_assert_eq(rf_mkdirs(path, 0700), 0);
    cr_assert_eq(rf_mkdirs(path, 0700), 0);
    cr_assert_eq(access(path, R_OK | W_OK | X_OK), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rmdir(path), 0);
        *strrchr(path, '/') = '\0';
    }
}

static void *load_secret(void *user)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secret", dir);
    cr_assert_eq(rf_secret_load(path, user, 32), 0);
    return NULL;
}

Test(file, all_bytes_move_at_their_place_and_the_position_stays)
{
    char bytes[8] = "";
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/a", dir);
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDWR | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(rf_pwrite_all(fd, "world", 5, 3), 0);
    cr_assert_eq(rf_pwrite_all(fd, "bye", 3, 0), 0);
    cr_expect_eq(lseek(fd, 0, SEEK_CUR), 0);
    cr_assert_eq(rf_pread_all(fd, bytes, 6, 2), 0);
    cr_expect_str_eq(bytes, "eworld");
    cr_expect_eq(rf_pread_all(fd, bytes, 6, 3), -ENODATA, "5 are there");
    cr_expect_eq(rf_pread_all(fd, bytes, 0, 99), 0);
    cr_expect_eq(rf_pwrite_all(-1, "x", 1, 0), -EBADF);
}

Test(file, racing_processes_agree_on_one_secret)
{
    pthread_t threads[8];
    uint8_t secrets[8][32];
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, load_secret, secrets[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_arr_eq(secrets[i], secrets[0], 32);
    }
    cr_assert_eq(count_entries(), 1);
}

Test(file, damaged_secret_is_refused)
{
    uint8_t secret[32];
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secret", dir);
    cr_assert_eq(rf_file_write_atomic(path, "zz", 2, 0600), 0);
    cr_assert_eq(rf_secret_load(path, secret, sizeof(secret)), -EBADMSG);
}
