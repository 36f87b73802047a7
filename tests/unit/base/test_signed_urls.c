#include "rf_file.h"
#include "rf_sign.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static rf_signer *signer;

static void open_signer(void)
{
    strcpy(path, "/tmp/rf_sign_XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(path);
    cr_assert_eq(rf_signer_open(path, &signer), 0);
}

static void close_signer(void)
{
    signer = rf_signer_free(signer);
    unlink(path);
}

TestSuite(sign, .init = open_signer, .fini = close_signer);

static int check(const char *method, const char *target, const char *query, int64_t now)
{
    return rf_sign_check(signer, method, target, query, now);
}

/* U1 */
Test(sign, accepts_its_own_and_nothing_else)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(signer, "GET", "/files/a/b.wav", 1000);
    char *query = strchr(url, '?') + 1;
    cr_assert_eq(strncmp(url, "/files/a/b.wav?e=1000&k=1&s=", 28), 0);
    cr_expect_eq(check("GET", "/files/a/b.wav", query, 1000), 0);
    cr_expect_eq(check("GET", "/files/a/b.wav", query, 1001), -ETIMEDOUT);
    cr_expect_eq(check("PUT", "/files/a/b.wav", query, 1000), -EACCES, "S8: method");
    cr_expect_eq(check("GET", "/files/a/c.wav", query, 1000), -EACCES, "S8: path");
    cr_expect_eq(check("GET", "/files/a/b.wav", "", 1000), -EACCES);
    cr_expect_eq(check("GET", "/files/a/b.wav", "e=1000&k=1", 1000), -EACCES);
}

/* S8 */
Test(sign, every_changed_character_is_refused)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(signer, "GET", "/f", 1000);
    char *query = strchr(url, '?') + 1;
    size_t len = strlen(query);
    for (size_t i = 0; i < len; i++) {
        char saved = query[i];
        query[i] = saved == '1' ? '2' : '1';
        cr_expect_lt(check("GET", "/f", query, 0), 0, "character %zu", i);
        query[i] = saved;
    }
    cr_expect_eq(check("GET", "/f", query, 0), 0);
}

Test(sign, doubled_parameters_are_refused)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(signer, "GET", "/f", 1000);
    RF_CLEANUP(rf_cleanup_free) char *query = rf_asprintf("%s&e=9999", strchr(url, '?') + 1);
    cr_expect_eq(check("GET", "/f", query, 0), -EACCES);
}

/* U1 */
Test(sign, rotation_accepts_both_keys)
{
    RF_CLEANUP(rf_cleanup_free) char *old = rf_sign_path(signer, "GET", "/f", 1000);
    rf_buf text;
    rf_buf_init(&text, 4096);
    cr_assert_eq(rf_buf_printf(&text, "2 %064d\n", 7), 0);
    cr_assert_eq(rf_file_read(path, &text), 0);
    cr_assert_eq(rf_file_write_atomic(path, text.data, text.len, 0600), 0);
    rf_buf_done(&text);
    rf_signer_free(signer);
    cr_assert_eq(rf_signer_open(path, &signer), 0);
    RF_CLEANUP(rf_cleanup_free) char *new = rf_sign_path(signer, "GET", "/f", 1000);
    cr_expect_not_null(strstr(new, "&k=2&"));
    cr_expect_eq(check("GET", "/f", strchr(old, '?') + 1, 0), 0);
    cr_expect_eq(check("GET", "/f", strchr(new, '?') + 1, 0), 0);
}

static void *open_another(void *user)
{
    cr_assert_eq(rf_signer_open(path, user), 0);
    return NULL;
}

Test(sign, racing_processes_agree_on_one_key)
{
    pthread_t threads[8];
    rf_signer *others[8];
    unlink(path);
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, open_another, &others[i]), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(others[i], "GET", "/f", 1000);
        cr_expect_eq(rf_sign_check(others[0], "GET", "/f", strchr(url, '?') + 1, 0), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(threads); i++) {
        rf_signer_free(others[i]);
    }
}

Test(sign, damaged_key_file_is_refused)
{
    static const char *const bad[] = {"1 abc\n", "\n", "nonsense", "1\n"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_signer *other = NULL;
        cr_assert_eq(rf_file_write_atomic(path, bad[i], strlen(bad[i]), 0600), 0);
        cr_expect_eq(rf_signer_open(path, &other), -EBADMSG, "%s", bad[i]);
    }
}
