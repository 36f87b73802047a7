/* Forbidden addresses in every way to write them: in the URL, behind a name, behind a redirect.
 * spec jobs.md S2, S3 and S5. Each is refused, at the first try, by a rule, and nothing reaches the
 * server that would answer if it were let through. */
#include "fetch_server.h"
#include "rf_metric.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FORM_MAX 128
#define MAX_FORMS 1000

/* One or two of each IPv4 range. */
static const char *const v4[] = {
    "0.0.0.0",     "0.1.2.3",       "10.0.0.1",        "10.255.255.254",  "100.64.0.1",
    "100.127.0.1", "127.0.0.1",     "127.255.255.254", "169.254.169.254", "169.254.0.1",
    "172.16.0.1",  "172.31.255.1",  "192.0.0.1",       "192.0.2.1",       "192.88.99.1",
    "192.168.0.1", "192.168.255.1", "198.18.0.1",      "198.19.255.1",    "198.51.100.1",
    "203.0.113.1", "224.0.0.1",     "239.255.255.255", "240.0.0.1",       "255.255.255.255",
};

/* IPv6 ranges, and other ways to write addresses of them. */
static const char *const v6[] = {
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::0001",
    "::0.0.0.1",
    "0::1",
    "64:ff9b:1::1",
    "64:FF9B:1::1",
    "64:ff9b:1:ffff::127.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2001:DB8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "FD00::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
};

static char forms[MAX_FORMS][FORM_MAX]; /* hosts, as they stand in a URL */
static size_t n_forms;

static void add(const char *fmt, ...) RF_PRINTF(1, 2);
static void add(const char *fmt, ...)
{
    va_list args;
    cr_assert_lt(n_forms, MAX_FORMS);
    va_start(args, fmt);
    vsnprintf(forms[n_forms++], FORM_MAX, fmt, args);
    va_end(args);
}

/* The ways in which inet_aton(3), and so a careless client, reads an IPv4 address. */
static void add_v4_forms(const uint8_t b[4])
{
    uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    add("%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    add("%u", n);
    add("0x%x", n);
    add("0X%08X", n);
    add("0%o", n);
    add("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]);
    add("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]);
    add("%u.%u", b[0], n & 0xffffff);
    add("%u.%u.%u", b[0], b[1], n & 0xffff);
    add("0x%x.0%o.%u", b[0], b[1], n & 0xffff);
    char first[4];
    snprintf(first, sizeof(first), "%u", b[0]);
    add("%%%02x%s.%u.%u.%u", first[0], first + 1, b[1], b[2], b[3]); /* "%31" is "1" */
}

/* The ways in which an IPv4 address hides in an IPv6 one. */
static void add_embedded_forms(const uint8_t b[4])
{
    add("[::ffff:%u.%u.%u.%u]", b[0], b[1], b[2], b[3]);
    add("[::ffff:%02x%02x:%02x%02x]", b[0], b[1], b[2], b[3]);
    add("[0:0:0:0:0:FFFF:%02X%02X:%02X%02X]", b[0], b[1], b[2], b[3]);
    add("[::%u.%u.%u.%u]", b[0], b[1], b[2], b[3]);
    add("[64:ff9b::%u.%u.%u.%u]", b[0], b[1], b[2], b[3]);
    add("[2002:%02x%02x:%02x%02x::1]", b[0], b[1], b[2], b[3]);
}

static void make_forms(void)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(v4); i++) {
        uint8_t b[4];
        cr_assert_eq(inet_pton(AF_INET, v4[i], b), 1);
        add_v4_forms(b);
        add_embedded_forms(b);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(v6); i++) {
        add("[%s]", v6[i]);
    }
    add("localhost");
    add("LOCALHOST");
    add("localhost.");
    add("%%6cocalhost");
}

static void expect_forbidden(const rf_fetch *f, const char *url, const char *what)
{
    memory_sink sink;
    rf_fetch_result r;
    memory_sink_init(&sink);
    int err = rf_fetch_get(f, RF_FETCH_INPUT, url, 0, &sink.sink, -1, &r);
    cr_assert_lt(err, 0, "%s was fetched", what);
    cr_assert_eq(r.outcome, RF_FETCH_UNREACHABLE, "%s gave %d (%s)", what, r.outcome, r.detail);
    cr_assert_eq(sink.bytes.len, 0, "%s gave bytes", what);
    /* What no rule refuses must be no URL or no name at all, never a connection that failed. */
    cr_assert(r.blocked || strstr(r.detail, "resolve host") != NULL ||
                  strstr(r.detail, "URL") != NULL,
              "%s: %s", what, r.detail);
    memory_sink_done(&sink);
}

static rf_fetch *fetch_with(const fetch_server *s, bool loopback, const char *host)
{
    rf_fetch *f = NULL;
    uint16_t ports[] = {s->port, 80};
    rf_fetch_config config = {.ports = ports,
                              .n_ports = 2,
                              .allow_loopback = loopback,
                              .hosts = &host,
                              .n_hosts = host == NULL ? 0 : 1,
                              .retry_delay_ms = 1,
                              .connect_timeout_ms = 2000,
                              .max_tries = 1};
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    return f;
}

Test(forbidden_forms, written_in_the_url, .timeout = 100)
{
    fetch_server *s = fetch_server_start();
    rf_fetch *f = fetch_with(s, false, NULL);
    make_forms();
    size_t n = 0;
    for (size_t i = 0; i < n_forms; i++) {
        for (int tls = 0; tls < 2; tls++) {
            char url[2 * FORM_MAX];
            snprintf(url, sizeof(url), "%s://%s:%u/ok", tls ? "https" : "http", forms[i], s->port);
            expect_forbidden(f, url, url);
            n++;
        }
    }
    cr_assert_geq(n, 400);
    cr_assert_eq(fetch_server_connections(s), 0);
    rf_fetch_free(f);
    fetch_server_stop(s);
}

/* The address without the brackets and forms of a URL. */
static size_t list_addresses(char addresses[][FORM_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(v4); i++) {
        uint8_t b[4];
        cr_assert_eq(inet_pton(AF_INET, v4[i], b), 1);
        snprintf(addresses[n++], FORM_MAX, "%s", v4[i]);
        size_t first = n_forms;
        add_embedded_forms(b);
        for (size_t k = first; k < n_forms; k++) {
            snprintf(addresses[n], FORM_MAX, "%s", forms[k] + 1);
            addresses[n][strlen(addresses[n]) - 1] = '\0';
            n++;
        }
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(v6); i++) {
        snprintf(addresses[n++], FORM_MAX, "%s", v6[i]);
    }
    return n;
}

static char addresses[MAX_FORMS][FORM_MAX];

/* S3, S5 */
Test(forbidden_forms, behind_a_name, .timeout = 100)
{
    fetch_server *s = fetch_server_start();
    size_t n = list_addresses(addresses);
    cr_assert_geq(n, 200);
    for (size_t i = 0; i < n; i++) {
        char host[2 * FORM_MAX];
        char url[FORM_MAX];
        snprintf(host, sizeof(host), "innocent.example:%u:%s", s->port, addresses[i]);
        snprintf(url, sizeof(url), "http://innocent.example:%u/ok", s->port);
        rf_fetch *f = fetch_with(s, false, host);
        memory_sink sink;
        rf_fetch_result r;
        memory_sink_init(&sink);
        cr_assert_eq(rf_fetch_get(f, RF_FETCH_INPUT, url, 0, &sink.sink, -1, &r), -EACCES, "%s: %s",
                     addresses[i], r.detail);
        cr_assert(r.blocked, "%s", addresses[i]);
        cr_assert_eq(r.outcome, RF_FETCH_UNREACHABLE);
        memory_sink_done(&sink);
        rf_fetch_free(f);
    }
    cr_assert_eq(fetch_server_connections(s), 0);
    fetch_server_stop(s);
}

/* The first answer comes from loopback, which is open here; so loopback itself is no target. */
static bool is_loopback(const char *form)
{
    struct in_addr a;
    bool encoded = form[0] == '%' && form[1] == '3' && strncmp(form + 3, "27.", 3) == 0;
    return strcasestr(form, "ocalhost") != NULL || encoded || strcmp(form, "[::1]") == 0 ||
           strcmp(form, "[::0001]") == 0 || strcmp(form, "[::0.0.0.1]") == 0 ||
           strcmp(form, "[0::1]") == 0 || strncmp(form, "[0:0:0:0:0:0:0:1]", 17) == 0 ||
           strncmp(form, "[0000:", 6) == 0 ||
           (inet_aton(form, &a) != 0 && ntohl(a.s_addr) >> 24 == 127);
}

/* S2, S3 */
Test(forbidden_forms, behind_a_redirect, .timeout = 100)
{
    fetch_server *s = fetch_server_start();
    rf_fetch *f = fetch_with(s, true, NULL);
    make_forms();
    int n = 0;
    for (size_t i = 0; i < n_forms; i++) {
        if (!is_loopback(forms[i])) {
            char url[2 * FORM_MAX];
            snprintf(url, sizeof(url), "http://%s:%u/ok", forms[i], s->port);
            fetch_server_redirect_to(s, url);
            expect_forbidden(f, fetch_server_url(s, "/redirect"), url);
            n++;
        }
    }
    cr_assert_geq(n, 200);
    cr_assert_eq(fetch_server_requests(s), n, "only the redirects themselves were asked for");
    rf_fetch_free(f);
    fetch_server_stop(s);
}

/* S2 */
Test(forbidden_forms, redirects_to_what_is_no_good_url)
{
    static const char *const locations[] = {
        "file:///etc/passwd",       "ftp://example.com/",
        "gopher://127.0.0.1:80/_x", "dict://127.0.0.1:11211/",
        "ldap://example.com/",      "smb://example.com/a",
        "http://u:p@example.com/",  "http://example.com@127.0.0.1/",
        "https://example.com:22/",  "http://example.com:25/",
        "http://example.com:6379/", "http://[::1/",
        "javascript:alert(1)",      "scp://example.com/x",
        "tftp://example.com/x",
    };
    fetch_server *s = fetch_server_start();
    rf_fetch *f = NULL;
    static const char *const hosts[] = {"example.com:22:93.184.216.34",
                                        "example.com:25:93.184.216.34",
                                        "example.com:6379:93.184.216.34"};
    rf_fetch_config config = {
        .allow_loopback = true, .max_tries = 1, .hosts = hosts, .n_hosts = RF_ARRAY_LEN(hosts)};
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(locations); i++) {
        memory_sink sink;
        rf_fetch_result r;
        memory_sink_init(&sink);
        fetch_server_redirect_to(s, locations[i]);
        cr_assert_lt(rf_fetch_get(f, RF_FETCH_INPUT, fetch_server_url(s, "/redirect"), 0,
                                  &sink.sink, -1, &r),
                     0, "%s", locations[i]);
        cr_assert_neq(r.outcome, RF_FETCH_OK, "%s", locations[i]);
        cr_assert_eq(sink.bytes.len, 0, "%s", locations[i]);
        memory_sink_done(&sink);
    }
    cr_assert_eq(fetch_server_requests(s), (int)RF_ARRAY_LEN(locations));
    rf_fetch_free(f);
    fetch_server_stop(s);
}

/* S3 */
Test(forbidden_forms, every_address_of_a_name_is_checked)
{
    fetch_server *s = fetch_server_start();
    static const struct {
        const char *addresses;
        bool reached;
    } table[] = {
        {"10.0.0.1,192.168.0.1", false},
        {"10.0.0.1,127.0.0.1", true},
        {"127.0.0.1,10.0.0.1", true},
        {"::ffff:127.0.0.1,10.0.0.1", false},
        {"fe80::1,::ffff:127.0.0.1", false},
        {"0.0.0.0", false},
        {"169.254.169.254,fd00:ec2::254", false},
        {"0.0.0.0,127.0.0.1", true},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        char host[256];
        char url[128];
        snprintf(host, sizeof(host), "many.example:%u:%s", s->port, table[i].addresses);
        snprintf(url, sizeof(url), "http://many.example:%u/ok", s->port);
        rf_fetch *f = fetch_with(s, true, host);
        memory_sink sink;
        rf_fetch_result r;
        memory_sink_init(&sink);
        rf_fetch_get(f, RF_FETCH_INPUT, url, 0, &sink.sink, -1, &r);
        cr_assert_eq(r.outcome, table[i].reached ? RF_FETCH_OK : RF_FETCH_UNREACHABLE, "row %zu",
                     i);
        cr_assert_eq(r.blocked, !table[i].reached, "row %zu", i);
        memory_sink_done(&sink);
        rf_fetch_free(f);
    }
    cr_assert_eq(fetch_server_connections(s), 3);
    fetch_server_stop(s);
}

/* M9 */
Test(forbidden_forms, refusals_are_counted_by_kind_and_reason)
{
    static const struct {
        rf_fetch_kind kind;
        const char *url;
        const char *labels;
    } table[] = {
        {RF_FETCH_INPUT, "http://10.0.0.1/", "kind=\"input\",reason=\"private\""},
        {RF_FETCH_COPY, "http://127.0.0.1/", "kind=\"copy\",reason=\"loopback\""},
        {RF_FETCH_WEBHOOK, "http://169.254.169.254/", "kind=\"webhook\",reason=\"link_local\""},
        {RF_FETCH_INPUT, "http://1.1.1.1:22/", "kind=\"input\",reason=\"port\""},
        {RF_FETCH_INPUT, "ftp://1.1.1.1/", "kind=\"input\",reason=\"scheme\""},
        {RF_FETCH_INPUT, "http://u@1.1.1.1/", "kind=\"input\",reason=\"user_info\""},
        {RF_FETCH_INPUT, "http://", "kind=\"input\",reason=\"url\""},
    };
    rf_fetch *f = fetch_new(false);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        memory_sink sink;
        rf_fetch_result r;
        rf_metric *m = rf_metric_counter("reflection_fetch_blocked_total", "", table[i].labels);
        double before = rf_metric_value(m);
        memory_sink_init(&sink);
        rf_fetch_get(f, table[i].kind, table[i].url, 0, &sink.sink, -1, &r);
        cr_assert(r.blocked, "row %zu", i);
        cr_assert_eq(r.n_tries, 1, "a rule is not tried again");
        cr_assert_float_eq(rf_metric_value(m) - before, 1, 0.01, "row %zu", i);
        memory_sink_done(&sink);
    }
    rf_fetch_free(f);
}
