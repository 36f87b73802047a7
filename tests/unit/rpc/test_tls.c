/* tls+tcp with certificates on both sides: who is let in, who is not, and that nobody else is. */
#include "echo.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char dir[32];

/* Runs a shell script in the folder of the certificates. */
static void shell(const char *script)
{
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("cd %s && (%s) >log 2>&1 || { cat log >&2; exit 1; }", dir, script);
    cr_assert_eq(system(command), 0, "%s", script);
}

#define KEY "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "

/* "ca" and "other" are authorities; the rest is signed by "ca" unless its name says otherwise. */
static void make_certificates(void)
{
    (void)rf_copy_str(dir, sizeof(dir), "/tmp/rf-rpc-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    shell("for n in ca other; do openssl req -x509 " KEY
          "-days 2 -subj /CN=$n -keyout $n.key -out $n.pem; done");
    shell("sign() { openssl req " KEY
          "-subj /CN=$2 -keyout $1.key -out $1.csr && openssl x509 -req "
          "-in $1.csr -CA $3.pem -CAkey $3.key -CAcreateserial -out $1.pem $4 $5; };"
          "sign good localhost ca -days 2 && sign stranger localhost other -days 2 &&"
          "sign elsewhere elsewhere.test ca -days 2 && "
          "sign renewed localhost ca -days 2");
    /* x509 cannot sign for the past; ca can. */
    shell(
        "openssl req " KEY "-subj /CN=localhost -keyout expired.key -out expired.csr && "
        "touch index.txt && echo 01 >serial && "
        "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\nserial=serial\\n"
        "new_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca.cnf && "
        "openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in expired.csr "
        "-out expired.pem -startdate 20200101000000Z -enddate 20200102000000Z -notext");
}

static void remove_certificates(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(tls, .init = make_certificates, .fini = remove_certificates, .timeout = 60);

/* The files of a side; the texts live until the next use of the same slot. */
static rf_rpc_tls tls_of(int slot, const char *ca, const char *name)
{
    static char paths[4][3][64];
    (void)snprintf(paths[slot][0], 64, "%s/%s.pem", dir, ca);
    (void)snprintf(paths[slot][1], 64, "%s/%s.pem", dir, name);
    (void)snprintf(paths[slot][2], 64, "%s/%s.key", dir, name);
    return (rf_rpc_tls){paths[slot][0], paths[slot][1], paths[slot][2], "localhost"};
}

static echo *server_of(const rf_rpc_tls *tls)
{
    return echo_start("tls+tcp://127.0.0.1:0", &(rf_rpc_server_config){.tls = tls});
}

/* One call over a fresh channel. */
static int call_with(const char *url, const rf_rpc_tls *tls, rf_status *st)
{
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {.target = url, .tls = tls, .wait_ready_ms = 400};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    int err = echo_unary(c, "let me in", st);
    (void)rf_rpc_channel_close(c);
    return err;
}

/* ---- who is let in ---- */

Test(tls, each_side_believes_its_own_authority_alone)
{
    static const struct {
        const char *server_ca, *server, *client_ca, *client, *name;
        bool meets;
    } rows[] = {
        {"ca", "good", "ca", "good", "localhost", true},
        {"ca", "good", "ca", "elsewhere", "localhost", true}, /* a client needs no name */
        {"ca", "elsewhere", "ca", "good", "elsewhere.test", true},
        {"ca", "good", "ca", "stranger", "localhost", false},
        {"ca", "stranger", "ca", "good", "localhost", false},
        {"other", "good", "ca", "good", "localhost", false},
        {"other", "good", "ca", "stranger", "localhost", true}, /* each trusts the other's */
        {"ca", "good", "other", "good", "localhost", false},
        {"ca", "elsewhere", "ca", "good", "localhost", false},
        {"ca", "good", "ca", "good", "elsewhere.test", false},
        {"ca", "expired", "ca", "good", "localhost", false},
        {"ca", "good", "ca", "expired", "localhost", false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_status st;
        rf_rpc_tls server = tls_of(0, rows[i].server_ca, rows[i].server);
        rf_rpc_tls client = tls_of(1, rows[i].client_ca, rows[i].client);
        client.server_name = rows[i].name;
        echo *e = server_of(&server);
        int err = call_with(e->url, &client, &st);
        cr_assert_eq(err, rows[i].meets ? 0 : -EAGAIN, "row %zu: %s", i, st.message);
        cr_assert_eq(e->n_unary, rows[i].meets ? 1 : 0);
        echo_stop(e);
    }
}

/* Without a name given, the host of the address is the name. */
Test(tls, the_host_is_the_name_when_none_is_given)
{
    rf_status st;
    char url[64];
    rf_rpc_tls good = tls_of(0, "ca", "good");
    rf_rpc_tls client = tls_of(1, "ca", "good");
    client.server_name = NULL;
    echo *e = server_of(&good);
    cr_assert_eq(call_with(e->url, &client, &st), -EAGAIN, "it is localhost, not 127.0.0.1");
    (void)snprintf(url, sizeof(url), "tls+tcp://localhost:%u", rf_rpc_server_port(e->server, 0));
    cr_assert_eq(call_with(url, &client, &st), 0, "%s", st.message);
    echo_stop(e);
}

/* ---- who speaks something else ---- */

static int dial(const echo *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(rf_rpc_server_port(e->server, 0))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

Test(tls, plain_peers_and_garbage_harm_nobody)
{
    static const char *const talk[] = {"rfrpc\r\n\1", "GET / HTTP/1.1\r\n\r\n",
                                       "\x16\x03\x01\xff\xff",
                                       "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", ""};
    rf_rpc_tls good = tls_of(0, "ca", "good");
    rf_status st;
    echo *e = server_of(&good);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.tls = &good});
    cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    for (size_t i = 0; i < 20; i++) {
        int fd = dial(e);
        const char *text = talk[i % RF_ARRAY_LEN(talk)];
        (void)!write(fd, text, strlen(text));
        if (i % 2 == 0) {
            (void)shutdown(fd, SHUT_WR);
        }
        (void)close(fd);
        cr_assert_eq(echo_unary(c, "goes on", &st), 0, "%s", st.message);
    }
    rf_rpc_channel *plain = NULL;
    char url[64];
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", rf_rpc_server_port(e->server, 0));
    rf_rpc_channel_config config = {.target = url, .wait_ready_ms = 200};
    cr_assert_eq(rf_rpc_channel_open(&config, &plain), 0);
    cr_assert_eq(echo_unary(plain, "x", &st), -EAGAIN, "not without TLS");
    (void)rf_rpc_channel_close(plain);
    cr_assert_eq(echo_unary(c, "still", NULL), 0);
    echo_stop(e);
}

/* ---- what goes through ---- */

Test(tls, every_kind_of_call_and_big_messages_go_through)
{
    static uint8_t big[3 << 20];
    rf_rpc_tls good = tls_of(0, "ca", "good");
    rf_rpc_item *item = NULL;
    rf_status st;
    echo *e = server_of(&good);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.tls = &good});
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(echo_unary(c, "secret", &st), 0, "%s", st.message);
    }
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 20;
    o.size = 300000;
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    size_t n = 0;
    while (rf_rpc_stream_recv(s, &item) == 1) {
        item = rf_rpc_item_free(item);
        n++;
    }
    cr_assert_eq(n, 20);
    s = rf_rpc_stream_free(s);
    for (size_t i = 0; i < sizeof(big); i++) {
        big[i] = (uint8_t)(i * 7 + i / 251);
    }
    rf_rpc_attachment a = {.data = big, .len = sizeof(big)};
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    cr_assert_eq(rf_rpc_stream_send(s, &p.base, &a), 0);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
    cr_assert_eq(item->msg.attachment_len, sizeof(big));
    cr_assert_arr_eq(item->msg.attachment, big, sizeof(big));
    item = rf_rpc_item_free(item);
    rf_rpc_stream_half_close(s);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}

/* Files are read when a side begins; a new one takes new files, while the old goes on. */
Test(tls, renewed_files_count_from_the_next_start)
{
    rf_status st;
    rf_rpc_tls files = tls_of(0, "ca", "good");
    rf_rpc_tls client = tls_of(1, "ca", "renewed");
    echo *e = server_of(&files);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.tls = &client});
    cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    shell("cp stranger.pem good.pem && cp stranger.key good.key");
    cr_assert_eq(call_with(e->url, &client, &st), 0, "the server keeps what it has read");
    echo *next = server_of(&files);
    cr_assert_eq(call_with(next->url, &client, &st), -EAGAIN, "the next one has the new file");
    cr_assert_eq(echo_unary(c, "x", &st), 0);
    shell("cp renewed.pem good.pem && cp renewed.key good.key");
    echo *last = server_of(&files);
    cr_assert_eq(call_with(last->url, &client, &st), 0, "%s", st.message);
    echo_stop(last);
    echo_stop(next);
    echo_stop(e);
}

/* ---- files that are not there, or not what they say ---- */

Test(tls, files_that_cannot_be_used_are_an_error_at_once)
{
    static const struct {
        const char *ca, *cert, *key; /* of the folder; NULL is no file at all */
        int err;                     /* 0: any */
    } rows[] = {
        {"missing", "good.pem", "good.key", -ENOENT}, {"ca.pem", "missing", "good.key", -ENOENT},
        {"ca.pem", "good.pem", "missing", -ENOENT},   {NULL, "good.pem", "good.key", -EINVAL},
        {"ca.pem", NULL, "good.key", -EINVAL},        {"ca.pem", "good.pem", NULL, -EINVAL},
        {"garbage", "good.pem", "good.key", 0},       {"ca.pem", "garbage", "good.key", 0},
        {"ca.pem", "good.pem", "garbage", 0},         {"empty", "good.pem", "good.key", 0},
    };
    shell("head -c 2000 /dev/urandom >garbage && : >empty");
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char text[3][64];
        const char *const names[] = {rows[i].ca, rows[i].cert, rows[i].key};
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(text[k], sizeof(text[k]), "%s/%s", dir,
                           names[k] != NULL ? names[k] : "");
        }
        rf_rpc_tls tls = {names[0] != NULL ? text[0] : NULL, names[1] != NULL ? text[1] : NULL,
                          names[2] != NULL ? text[2] : NULL, NULL};
        rf_rpc_channel *c = NULL;
        rf_rpc_server *s = NULL;
        rf_rpc_channel_config channel = {.target = "tls+tcp://127.0.0.1:1", .tls = &tls};
        rf_rpc_server_config server = {.listen = "tls+tcp://127.0.0.1:0", .tls = &tls};
        int of_channel = rf_rpc_channel_open(&channel, &c);
        int of_server = rf_rpc_server_new(&server, &s);
        cr_assert_lt(of_channel, 0, "row %zu", i);
        cr_assert_lt(of_server, 0, "row %zu", i);
        cr_assert(rows[i].err == 0 || (of_channel == rows[i].err && of_server == rows[i].err),
                  "row %zu: %d and %d", i, of_channel, of_server);
    }
}
