#include "gateway_http.h"
#include "gateway_upgrade.h"
#include "handshakes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct request {
    gateway_http http;
    gateway_request req;
    char text[2048];
} request;

/* Reads a head; what has no valid form as HTTP at all gives an error. */
static int read_request(request *r, const char *head, const char *more)
{
    snprintf(r->text, sizeof(r->text), "%s%s\r\n", head, more);
    gateway_http_reset(&r->http, &r->req);
    ssize_t n = gateway_http_head(&r->http, r->text, strlen(r->text));
    return n > 0 ? 0 : (int)n;
}

static int status_of(const handshake_case *c)
{
    static request r;
    if (read_request(&r, c->head, "") < 0) {
        return 400;
    }
    int err = gateway_upgrade_form(&r.req);
    return err == 0 ? 101 : err == -EPROTO ? 426 : 400;
}

Test(upgrade, form_of_the_handshake)
{
    for (size_t i = 0; i < n_handshake_cases; i++) {
        const handshake_case *c = &handshake_cases[i];
        cr_expect_eq(status_of(c), c->status, "%s: %d", c->name, status_of(c));
    }
}

/* The example of RFC 6455 section 1.3. */
Test(upgrade, accept_is_that_of_the_standard)
{
    char out[GATEWAY_ACCEPT_LEN + 1];
    gateway_upgrade_accept("dGhlIHNhbXBsZSBub25jZQ==", out);
    cr_expect_str_eq(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

Test(upgrade, the_query_passes_on_without_secrets)
{
    static const struct {
        const char *query;
        const char *left;
    } cases[] = {
        {"", ""},
        {"?", ""},
        {"?a=b", "a=b"},
        {"?api_key=secret", ""},
        {"?api_key", ""},
        {"?a=b&api_key=secret&c=d", "a=b&c=d"},
        {"?api_key=secret&api_key=other&a", "a"},
        {"?%61pi_key=secret&b=%20x", "b=%20x"},
        {"?ticket=t&a=1&&b=2", "a=1&b=2"},
        {"?api_keys=kept&my_ticket=kept", "api_keys=kept&my_ticket=kept"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        static request r;
        char head[256];
        rf_buf out;
        rf_buf_init(&out, 1024);
        snprintf(head, sizeof(head), "GET /ws/jam%s HTTP/1.1\r\nHost: h\r\n", cases[i].query);
        cr_assert_eq(read_request(&r, head, ""), 0, "%s", cases[i].query);
        gateway_upgrade_query(&r.req, &out);
        cr_expect_str_eq(rf_buf_str(&out), cases[i].left, "%s", cases[i].query);
        rf_buf_done(&out);
    }
}

typedef struct origin_case {
    const char *host;
    const char *origin; /* NULL: no header */
    bool tls;
    bool listed; /* with the list of the test */
    bool unlisted;
} origin_case;

Test(upgrade, origins)
{
    static const origin_case cases[] = {
        {"media.example", NULL, true, true, true},
        {"media.example", "https://media.example", true, false, true},
        {"media.example", "http://media.example", true, false, false},
        {"media.example", "https://media.example:8443", true, false, false},
        {"media.example", "https://media.example.evil", true, false, false},
        {"media.example", "https://page.example", true, true, false},
        {"media.example", "https://page.example:444", true, false, false},
        {"media.example", "https://PAGE.example", true, false, false},
        {"media.example", "null", true, true, false},
        {"localhost:8080", "http://localhost:8080", false, false, true},
        {"localhost:8080", "https://localhost:8080", false, false, false},
        {"localhost:8443", "https://localhost:8443", true, false, true},
        {"localhost:8080", "http://localhost:3000", false, false, false},
        {"127.0.0.1:8080", "http://127.0.0.1:8080", false, false, true},
        {"[::1]:8080", "http://[::1]:8080", false, false, true},
        {"localhost.evil", "http://localhost.evil", false, false, false},
        {"evil.example:8080", "http://evil.example:8080", false, false, false},
        {"media.example", "", true, false, false},
    };
    char *items[] = {(char *)(uintptr_t) "https://page.example", (char *)(uintptr_t) "null"};
    const gateway_socket_rules listed = {.allowed_origins = {.items = items, .n = 2}};
    const gateway_socket_rules none = {.allowed_origins = {.n = 0}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        static request r;
        const origin_case *c = &cases[i];
        char head[256];
        int n = snprintf(head, sizeof(head), "GET /ws/jam HTTP/1.1\r\nHost: %s\r\n", c->host);
        if (c->origin != NULL) {
            snprintf(head + n, sizeof(head) - (size_t)n, "Origin: %s\r\n", c->origin);
        }
        cr_assert_eq(read_request(&r, head, ""), 0, "%s", head);
        cr_expect_eq(
            gateway_upgrade_origin_allowed(&r.req, c->tls, &listed, "https://media.example"),
            c->listed, "listed, %s", head);
        cr_expect_eq(gateway_upgrade_origin_allowed(&r.req, c->tls, &none, "https://media.example"),
                     c->unlisted, "unlisted, %s", head);
    }
}
