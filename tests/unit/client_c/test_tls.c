/* TLS: what is trusted, what is not, and a stream through it. */
#include "reflection_jam.h"

#include "server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define HOP 96000
#define WAIT_MS 5000

static void stream(server *s)
{
    if (server_begin(s, 1920) == NULL) {
        return;
    }
    for (uint64_t i = 0; i < 3; i++) {
        server_chunk(s, i, HOP, 1920);
    }
    server_read(s);
}

static int open_at(const server *s, const char *ca_file, reflection_jam **ret,
                   reflection_jam_fault *fault)
{
    const reflection_jam_options o = {
        .url = server_url(s), .ca_file = ca_file, .timeout_ms = WAIT_MS};
    return reflection_jam_open(&o, ret, fault);
}

Test(tls, large_chunks_come_through)
{
    server *s = server_start_tls(stream, NULL, "127.0.0.1");
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_assert_eq(open_at(s, server_ca_file(s), &jam, &fault), 0, "%s", fault.message);
    for (uint64_t k = 0; k < 3; k++) {
        reflection_jam_event e;
        cr_assert_eq(reflection_jam_next(jam, WAIT_MS, &e), 1, "%s",
                     reflection_jam_last_fault(jam)->message);
        cr_assert_eq(e.kind, REFLECTION_JAM_CHUNK);
        cr_expect_eq(e.chunk.index, k);
        cr_expect_eq(e.chunk.samples[2 * HOP], server_sample(HOP * (k + 1), 0));
    }
    cr_expect_eq(reflection_jam_ping(jam, -1, NULL), 0);
    reflection_jam_close(jam);
    server_stop(s);
}

Test(tls, an_unknown_authority_is_refused)
{
    server *s = server_start_tls(stream, NULL, "127.0.0.1");
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(open_at(s, NULL, &jam, &fault), -EKEYREJECTED, "%s", fault.message);
    cr_expect_not_null(strstr(fault.message, "certificate"));
    server_stop(s);
}

Test(tls, a_certificate_of_another_name_is_refused)
{
    server *s = server_start_tls(stream, NULL, "elsewhere.example");
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(open_at(s, server_ca_file(s), &jam, &fault), -EKEYREJECTED, "%s", fault.message);
    cr_expect_not_null(strstr(fault.message, "mismatch"));
    server_stop(s);
}

Test(tls, a_ca_file_that_is_none_is_named)
{
    server *s = server_start_tls(stream, NULL, "127.0.0.1");
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(open_at(s, "/nonexistent.pem", &jam, &fault), -EKEYREJECTED);
    cr_expect_not_null(strstr(fault.message, "/nonexistent.pem"));
    server_stop(s);
}

static void plain_text(server *s)
{
    if (server_accept(s)) {
        server_raw(s, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        server_read(s);
    }
}

Test(tls, a_server_without_tls_is_told)
{
    server *s = server_start(plain_text, NULL);
    char url[64] = "wss";
    strcat(url, server_url(s) + 2);
    const reflection_jam_options o = {.url = url, .timeout_ms = WAIT_MS};
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(reflection_jam_open(&o, &jam, &fault), -ECONNRESET, "%s", fault.message);
    cr_expect_not_null(strstr(fault.message, "TLS"));
    server_stop(s);
}

static void vanish(server *s)
{
    server_begin(s, 0);
}

Test(tls, a_peer_that_vanishes_raises_no_signal)
{
    server *s = server_start_tls(vanish, NULL, "127.0.0.1");
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_assert_eq(open_at(s, server_ca_file(s), &jam, &fault), 0, "%s", fault.message);
    server_stop(s);
    for (int i = 0; i < 100; i++) {
        reflection_jam_ping(jam, -1, NULL); /* SIGPIPE would end this test */
    }
    reflection_jam_event e;
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -ECONNRESET);
    reflection_jam_close(jam);
}
