#include "gateway_ca.h"
#include "gateway_tls.h"
#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static char dir[] = "/tmp/rf-test-ca-XXXXXX";
static const rf_list no_names;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
    static const char *const names[] = {"ca.pem", "ca.key", "server.pem", "server.key", "lock"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static X509 *cert(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    X509 *c = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert_not_null(c);
    return c;
}

static void assert_mode(const char *name, mode_t mode)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, mode, "%s", name);
}

static bool verifies(X509 *ca, X509 *leaf)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, ca);
    X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_init(ctx, store, leaf, NULL);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
    bool ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return ok;
}

Test(ca, first_start_makes_everything, .init = setup, .fini = teardown)
{
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 1);
    assert_mode("ca.key", 0600);
    assert_mode("server.key", 0600);
    X509 *ca = cert("ca.pem");
    X509 *leaf = cert("server.pem");
    cr_expect(verifies(ca, leaf));
    cr_expect_eq(X509_check_host(leaf, "localhost", 0, 0, NULL), 1);
    cr_expect_eq(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
    cr_expect_eq(X509_check_ip_asc(leaf, "::1", 0), 1);
    cr_expect_eq(X509_check_host(leaf, "example.org", 0, 0, NULL), 0);
    X509_free(ca);
    X509_free(leaf);
}

Test(ca, second_start_changes_nothing, .init = setup, .fini = teardown)
{
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 1);
    X509 *before = cert("server.pem");
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 0);
    X509 *after = cert("server.pem");
    cr_expect_eq(X509_cmp(before, after), 0);
    X509_free(before);
    X509_free(after);
}

Test(ca, leaf_is_renewed_before_its_end, .init = setup, .fini = teardown)
{
    time_t now = time(NULL);
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, now), 1);
    X509 *ca = cert("ca.pem");
    cr_expect_eq(gateway_ca_ensure(dir, &no_names, now + 59 * DAY), 0);
    cr_expect_eq(gateway_ca_ensure(dir, &no_names, now + 61 * DAY), 1);
    X509 *same = cert("ca.pem");
    cr_expect_eq(X509_cmp(ca, same), 0, "the authority stays");
    X509_free(ca);
    X509_free(same);
}

Test(ca, configured_names_are_added, .init = setup, .fini = teardown)
{
    char *items[] = {"studio.example.org", "10.1.2.3"};
    const rf_list names = {.items = items, .n = 2};
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 1);
    cr_assert_eq(gateway_ca_ensure(dir, &names, time(NULL)), 1);
    cr_expect_eq(gateway_ca_ensure(dir, &names, time(NULL)), 0);
    X509 *leaf = cert("server.pem");
    cr_expect_eq(X509_check_host(leaf, "studio.example.org", 0, 0, NULL), 1);
    cr_expect_eq(X509_check_ip_asc(leaf, "10.1.2.3", 0), 1);
    X509_free(leaf);
}

Test(ca, names_cannot_smuggle_others, .init = setup, .fini = teardown)
{
    char *items[] = {"a,DNS:evil.example.org"};
    const rf_list names = {.items = items, .n = 1};
    cr_expect_eq(gateway_ca_ensure(dir, &names, time(NULL)), -EINVAL);
}

Test(ca, half_an_authority_is_not_replaced, .init = setup, .fini = teardown)
{
    char path[128];
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 1);
    snprintf(path, sizeof(path), "%s/ca.key", dir);
    unlink(path);
    cr_expect_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), -EBADMSG);
}

Test(ca, tls_opens_with_it, .init = setup, .fini = teardown)
{
    char c[128];
    char k[128];
    gateway_tls *tls = NULL;
    cr_assert_eq(gateway_ca_ensure(dir, &no_names, time(NULL)), 1);
    snprintf(c, sizeof(c), "%s/server.pem", dir);
    snprintf(k, sizeof(k), "%s/server.key", dir);
    cr_assert_eq(gateway_tls_open(c, k, &tls), 0);
    gateway_tls_close(tls);
    snprintf(k, sizeof(k), "%s/ca.key", dir);
    cr_expect_eq(gateway_tls_open(c, k, &tls), -EBADMSG, "the key of another certificate");
}
