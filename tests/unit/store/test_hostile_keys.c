/* Q18, K3: ten thousand keys made to lead out of the root, with links planted in it. */
#include "store_fixture.h"

#include "rf_file.h"
#include "rf_id.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char outside[64];

static void setup(void)
{
    unsetenv("REFLECTION_STORE_URL");
    store_setup();
    strcpy(outside, "/tmp/rf-store-outside-XXXXXX");
    cr_assert_not_null(mkdtemp(outside));
}

static void teardown(void)
{
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/secret", outside);
    unlink(secret);
    rmdir(outside);
    store_teardown();
}

TestSuite(hostile_keys, .init = setup, .fini = teardown, .timeout = 100);

/* Pieces that paths are broken with, among harmless ones; "link" leads outside. */
static const char *const pieces[] = {
    "..",
    ".",
    "/",
    "//",
    "\\",
    "link",
    "link",
    "link",
    "a",
    "real",
    "secret",
    "%2e%2e",
    "%2f",
    "..%00",
    "\xc0\xae",
    "\xe0\x80\xaf",
    "\n",
    "\r\n",
    "\t",
    " ",
    "~",
    "$HOME",
    "*",
    "?",
    "con",
    "c:",
    "\xc2\x85",
    "\xc2\xa0",
    "\xef\xbc\x8f",
    "\xe2\x80\xae",
    "\xff",
    "\xed\xa0\x80",
    ".tmp",
    ".meta",
    "proc",
    "self",
    "fd",
    "etc",
    "passwd",
    "A",
    "/",
    "/",
    "/",
    "..",
    "\xf0\x9f\x8e\xb5",
    "a@b+c=d_e-f.g",
    "|",
    ";",
};

static void make_key(char key[2048])
{
    key[0] = '\0';
    size_t n = 1 + rf_random_u64(14);
    for (size_t i = 0; i < n; i++) {
        strcat(key, pieces[rf_random_u64(RF_ARRAY_LEN(pieces))]);
    }
    if (rf_random_u64(50) == 0) {
        memset(key + strlen(key), 'x', 300 + rf_random_u64(900));
        key[1400] = '\0';
    }
}

static void plant(const char *name, const char *target)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", store_dir, name);
    cr_assert_eq(symlink(target, path), 0);
}

static void plant_links(void)
{
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/secret", outside);
    RF_CLEANUP(rf_cleanup_free) char *a = rf_asprintf("%s/a", store_dir);
    cr_assert_eq(rf_file_write_atomic(secret, "secret", 6, 0600), 0);
    cr_assert_eq(mkdir(a, 0700), 0);
    plant("link", outside);
    plant("a/link", "..");
    plant("real", secret);
}

static int n_entries(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    cr_assert_not_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 2;
}

/* Everything a key can be used for; whatever it does, it does below the root. */
static int use(const char *key)
{
    rf_store_object *object = NULL;
    rf_store_info info;
    int valid = rf_store_key_valid(key) ? 1 : 0;
    if (rf_store_get(store, key, &object) == 0) {
        char bytes[16] = "";
        cr_assert_geq(rf_store_object_read(object, 0, bytes, sizeof(bytes)), 0);
        cr_assert_neq(memcmp(bytes, "secret", 6), 0, "read outside: %s", key);
        rf_store_object_free(object);
    }
    int err = store_put_text(key, "mine", 0);
    cr_assert(valid || err == -EINVAL, "%s was taken", key);
    cr_assert_eq(rf_store_stat(store, key, &info) == -EINVAL, !valid);
    cr_assert_eq(rf_store_delete(store, key) == -EINVAL, !valid);
    cr_assert_eq(rf_store_delete_prefix(store, key, NULL) == -EINVAL, !valid);
    return valid;
}

Test(hostile_keys, Q18_nothing_outside_the_root_is_read_made_or_removed)
{
    enum { KEYS = 10000 };
    int n_valid = 0;
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/secret", outside);
    int beside = n_entries("/");
    plant_links();
    for (int i = 0; i < KEYS; i++) {
        char key[2048];
        make_key(key);
        n_valid += use(key);
    }
    cr_assert(n_valid > 50 && n_valid < KEYS, "%d of them are keys", n_valid);
    cr_assert_eq(n_entries(outside), 1, "something was made or removed outside");
    cr_assert_eq(access(secret, F_OK), 0);
    cr_assert_eq(n_entries("/"), beside);
}

/* "recordings/ab" is no part of "recordings/a". */
Test(hostile_keys, K3_prefixes_are_compared_by_component)
{
    cr_assert_eq(store_put_text("r/a/1", "x", 0), 0);
    cr_assert_eq(store_put_text("r/ab/1", "x", 0), 0);
    cr_assert_eq(store_put_text("r/A/1", "X", 0), 0);
    uint64_t n = 0;
    cr_assert_eq(rf_store_delete_prefix(store, "r/a", &n), 0);
    cr_assert_eq(n, 1);
    store_expect("r/a/1", NULL);
    store_expect("r/ab/1", "x");
    store_expect("r/A/1", "X");
}

Test(hostile_keys, K3_a_link_cannot_be_deleted_through_the_store)
{
    plant_links();
    RF_CLEANUP(rf_cleanup_free) char *link = rf_asprintf("%s/real", store_dir);
    struct stat st;
    cr_assert_eq(rf_store_delete(store, "real"), -ENOENT);
    cr_assert_eq(lstat(link, &st), 0);
}
