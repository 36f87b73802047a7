/* tls+tcp with certificates on both sides. */
#include "echo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char dir[] = "/tmp/rf-rpc-XXXXXX";

/* A CA, a certificate for localhost that it signed, and one that another CA signed. */
static void make_certificates(void)
{
    cr_assert_not_null(mkdtemp(dir));
    static const char script[] =
        "cd %s && for n in ca other; do openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$n -keyout $n.key -out $n.pem; done"
        " && for n in good bad; do ca=ca; [ $n = bad ] && ca=other; openssl req -newkey ec "
        "-pkeyopt "
        "ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout $n.key -out $n.csr && "
        "openssl x509 -req -in $n.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -days 2 "
        "-out $n.pem; done";
    char command[1024];
    (void)snprintf(command, sizeof(command), script, dir);
    RF_CLEANUP(rf_cleanup_free) char *quiet = rf_asprintf("(%s) >/dev/null 2>&1", command);
    cr_assert_eq(system(quiet), 0);
}

static rf_rpc_tls tls_of(const char *name, char paths[3][64])
{
    (void)snprintf(paths[0], 64, "%s/ca.pem", dir);
    (void)snprintf(paths[1], 64, "%s/%s.pem", dir, name);
    (void)snprintf(paths[2], 64, "%s/%s.key", dir, name);
    return (rf_rpc_tls){paths[0], paths[1], paths[2], "localhost"};
}

static void remove_certificates(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(tls, both_sides_must_show_a_certificate_of_the_ca, .timeout = 60)
{
    char good_paths[3][64];
    char bad_paths[3][64];
    make_certificates();
    rf_rpc_tls good = tls_of("good", good_paths);
    rf_rpc_tls bad = tls_of("bad", bad_paths);
    echo *e = echo_start("tls+tcp://127.0.0.1:0", &(rf_rpc_server_config){.tls = &good});
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.tls = &good});
    rf_status st;
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(echo_unary(c, "secret", &st), 0, "%s", st.message);
    }
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 20;
    o.size = 300000;
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    rf_rpc_item *item;
    int n = 0;
    while (rf_rpc_stream_recv(s, &item) == 1) {
        (void)rf_rpc_item_free(item);
        n++;
    }
    cr_assert_eq(n, 20);
    (void)rf_rpc_stream_free(s);
    rf_rpc_channel *stranger = NULL;
    rf_rpc_channel_config config = {.target = e->url, .tls = &bad, .wait_ready_ms = 400};
    cr_assert_eq(rf_rpc_channel_open(&config, &stranger), 0);
    cr_assert_eq(echo_unary(stranger, "let me in", &st), -EAGAIN);
    (void)rf_rpc_channel_close(stranger);
    cr_assert_eq(echo_unary(c, "still", &st), 0);
    echo_stop(e);
    remove_certificates();
}

Test(tls, missing_files_are_an_error_at_once)
{
    rf_rpc_tls none = {"/no/ca", "/no/cert", "/no/key", NULL};
    rf_rpc_channel *c = NULL;
    rf_rpc_server *s = NULL;
    rf_rpc_channel_config config = {.target = "tls+tcp://127.0.0.1:1", .tls = &none};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), -ENOENT);
    cr_assert_eq(rf_rpc_server_new(
                     &(rf_rpc_server_config){.listen = "tls+tcp://127.0.0.1:0", .tls = &none}, &s),
                 -ENOENT);
}
