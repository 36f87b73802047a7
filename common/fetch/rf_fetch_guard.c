#include "rf_fetch_guard.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define RANGE_TEXT_MAX 64
#define NAT64_PREFIX_BYTES 12

static const uint16_t default_ports[] = {80, 443, 8080, 8443};

/* clang-format off */
/* spec jobs.md section 9; the registries are RFC 6890's, IPv4 and IPv6 special-purpose addresses. */
static const rf_fetch_range blocked_v4[] = {
    {AF_INET, {0},             8, "unspecified"},
    {AF_INET, {10},            8, "private"},
    {AF_INET, {100, 64},      10, "private"},
    {AF_INET, {127},           8, "loopback"},
    {AF_INET, {169, 254},     16, "link_local"},
    {AF_INET, {172, 16},      12, "private"},
    {AF_INET, {192, 0, 0},    24, "reserved"},
    {AF_INET, {192, 0, 2},    24, "reserved"},
    {AF_INET, {192, 88, 99},  24, "reserved"},
    {AF_INET, {192, 168},     16, "private"},
    {AF_INET, {198, 18},      15, "reserved"},
    {AF_INET, {198, 51, 100}, 24, "reserved"},
    {AF_INET, {203, 0, 113},  24, "reserved"},
    {AF_INET, {224},           4, "multicast"},
    {AF_INET, {240},           4, "reserved"},
};

static const rf_fetch_range blocked_v6[] = {
    {AF_INET6, {0},                                         96, "unspecified"},
    {AF_INET6, {[10] = 0xff, 0xff},                         96, "embedded_v4"},
    {AF_INET6, {0x00, 0x64, 0xff, 0x9b},                    96, "embedded_v4"},
    {AF_INET6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01},        48, "embedded_v4"},
    {AF_INET6, {0x01, 0x00},                                64, "reserved"},
    {AF_INET6, {0x20, 0x01, 0x00},                          23, "reserved"},
    {AF_INET6, {0x20, 0x01, 0x0d, 0xb8},                    32, "reserved"},
    {AF_INET6, {0x20, 0x02},                                16, "embedded_v4"},
    {AF_INET6, {0x3f, 0xff},                                20, "reserved"},
    {AF_INET6, {0x5f, 0x00},                                16, "reserved"},
    {AF_INET6, {0xfc},                                       7, "private"},
    {AF_INET6, {0xfe, 0x80},                                10, "link_local"},
    {AF_INET6, {0xfe, 0xc0},                                10, "private"},
    {AF_INET6, {0xff},                                       8, "multicast"},
};

static const rf_fetch_range loopback_v4 = {AF_INET, {127}, 8, "loopback"};
static const rf_fetch_range loopback_v6 = {AF_INET6, {[15] = 1}, 128, "loopback"};
static const rf_fetch_range nat64_range = {AF_INET6, {0x00, 0x64, 0xff, 0x9b}, 96, "embedded_v4"};
/* clang-format on */

/* ---- ranges ---- */

static bool in_range(const rf_fetch_range *r, int family, const uint8_t *address)
{
    unsigned n_bytes = r->n_bits / 8;
    unsigned n_rest = r->n_bits % 8;
    if (r->family != family || memcmp(r->address, address, n_bytes) != 0) {
        return false;
    }
    unsigned differs = n_rest == 0 ? 0 : (unsigned)(r->address[n_bytes] ^ address[n_bytes]);
    return differs >> (8 - n_rest) == 0;
}

static const char *find_range(const rf_fetch_range *ranges, size_t n, int family,
                              const uint8_t *address)
{
    for (size_t i = 0; i < n; i++) {
        if (in_range(&ranges[i], family, address)) {
            return ranges[i].reason;
        }
    }
    return NULL;
}

int rf_fetch_range_parse(const char *text, rf_fetch_range *ret)
{
    char address[RANGE_TEXT_MAX];
    rf_fetch_range r = {.reason = "denied"};
    int64_t n_bits = -1;
    const char *slash = strchr(text, '/');
    size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (n >= sizeof(address) || (slash != NULL && rf_parse_i64(slash + 1, &n_bits) < 0)) {
        return -EINVAL;
    }
    memcpy(address, text, n);
    address[n] = '\0';
    r.family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    int64_t max_bits = r.family == AF_INET ? 32 : 128;
    n_bits = slash == NULL ? max_bits : n_bits;
    if (inet_pton(r.family, address, r.address) != 1 || n_bits < 0 || n_bits > max_bits) {
        return -EINVAL;
    }
    r.n_bits = (unsigned)n_bits;
    *ret = r;
    return 0;
}

/* ---- addresses ---- */

static const char *check_v4(const rf_fetch_guard *g, const uint8_t *address, bool may_loop)
{
    const char *denied = find_range(g->deny, g->n_deny, AF_INET, address);
    if (denied != NULL || (may_loop && in_range(&loopback_v4, AF_INET, address))) {
        return denied;
    }
    return find_range(blocked_v4, RF_ARRAY_LEN(blocked_v4), AF_INET, address);
}

static const char *check_v6(const rf_fetch_guard *g, const uint8_t *address)
{
    const char *denied = find_range(g->deny, g->n_deny, AF_INET6, address);
    if (denied != NULL) {
        return denied;
    }
    if (in_range(&loopback_v6, AF_INET6, address)) {
        return g->allow_loopback ? NULL : "loopback";
    }
    if (g->nat64 && in_range(&nat64_range, AF_INET6, address)) {
        return check_v4(g, address + NAT64_PREFIX_BYTES, false);
    }
    return find_range(blocked_v6, RF_ARRAY_LEN(blocked_v6), AF_INET6, address);
}

static bool port_listed(const rf_fetch_guard *g, uint16_t port)
{
    for (size_t i = 0; i < g->n_ports; i++) {
        if (g->ports[i] == port) {
            return true;
        }
    }
    return false;
}

const char *rf_fetch_guard_address(const rf_fetch_guard *g, const struct sockaddr *address,
                                   socklen_t len)
{
    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        const uint8_t *bytes = (const uint8_t *)&in.sin_addr;
        const char *why = check_v4(g, bytes, g->allow_loopback);
        bool any_port = g->allow_loopback && in_range(&loopback_v4, AF_INET, bytes);
        return why != NULL || any_port || port_listed(g, ntohs(in.sin_port)) ? why : "port";
    }
    if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        const uint8_t *bytes = (const uint8_t *)&in6.sin6_addr;
        const char *why = check_v6(g, bytes);
        bool any_port = g->allow_loopback && in_range(&loopback_v6, AF_INET6, bytes);
        return why != NULL || any_port || port_listed(g, ntohs(in6.sin6_port)) ? why : "port";
    }
    return "family";
}

/* ---- URLs ---- */

/* The reason of a URL's refusal: its label, and the text for the person who sent it. */
typedef struct url_fault {
    const char *label;
    const char *text;
} url_fault;

static bool has_part(CURLU *u, CURLUPart part)
{
    char *value = NULL;
    bool there = curl_url_get(u, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return there;
}

static bool scheme_allowed(CURLU *u)
{
    char *scheme = NULL;
    bool ok = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return ok;
}

static uint16_t port_of(CURLU *u)
{
    char *text = NULL;
    int64_t port = 0;
    if (curl_url_get(u, CURLUPART_PORT, &text, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        rf_parse_i64(text, &port) < 0 || port < 0 || port > UINT16_MAX) {
        port = 0;
    }
    curl_free(text);
    return (uint16_t)port;
}

/* Spaces and control characters never stand in a URL; libcurl would let some of them pass. */
static bool has_bad_byte(const char *url)
{
    for (const char *p = url; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f) {
            return true;
        }
    }
    return false;
}

/* libcurl takes "http:///x" for "http://x": what it was meant to be nobody knows. */
static bool authority_is_empty(const char *url)
{
    const char *slashes = strstr(url, "://");
    return slashes != NULL && slashes[3] == '/';
}

static url_fault parsed_fault(CURLU *u, const char *url)
{
    if (!scheme_allowed(u)) {
        return (url_fault){"scheme", "is not http or https"};
    }
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD)) {
        return (url_fault){"user_info", "holds a user name or password"};
    }
    if (authority_is_empty(url) || !has_part(u, CURLUPART_HOST)) {
        return (url_fault){"url", "has no host"};
    }
    return (url_fault){NULL, NULL};
}

static url_fault form_fault(const char *url, CURLU *u)
{
    if (strnlen(url, RF_FETCH_MAX_URL + 1) > RF_FETCH_MAX_URL) {
        return (url_fault){"url", "is longer than 2048 bytes"};
    }
    if (has_bad_byte(url)) {
        return (url_fault){"url", "holds a space or control character"};
    }
    switch (curl_url_set(u, CURLUPART_URL, url, 0)) {
    case CURLUE_OK:
        return parsed_fault(u, url);
    case CURLUE_UNSUPPORTED_SCHEME:
    case CURLUE_BAD_SCHEME:
        return (url_fault){"scheme", "is not http or https"};
    case CURLUE_USER_NOT_ALLOWED:
    case CURLUE_BAD_LOGIN:
        return (url_fault){"user_info", "holds a user name or password"};
    default:
        return (url_fault){"url", "is not a URL"};
    }
}

static CURLU *new_url(void)
{
    CURLU *u = curl_url();
    if (u == NULL) {
        abort(); /* as rf_alloc does for small needs */
    }
    return u;
}

int rf_fetch_url_form(const char *url, const char **ret_why)
{
    CURLU *u = new_url();
    url_fault fault = form_fault(url, u);
    curl_url_cleanup(u);
    if (fault.label != NULL && ret_why != NULL) {
        *ret_why = fault.text;
    }
    return fault.label != NULL ? -EINVAL : 0;
}

const char *rf_fetch_guard_url(const rf_fetch_guard *g, const char *url)
{
    CURLU *u = new_url();
    url_fault fault = form_fault(url, u);
    /* With loopback open the port is judged where the address is known. */
    if (fault.label == NULL && !g->allow_loopback && !port_listed(g, port_of(u))) {
        fault.label = "port";
    }
    curl_url_cleanup(u);
    return fault.label;
}

/* ---- life ---- */

int rf_fetch_guard_init(rf_fetch_guard *g, const rf_fetch_config *config, const char **ret_why)
{
    const uint16_t *ports = config->n_ports > 0 ? config->ports : default_ports;
    *g = (rf_fetch_guard){.allow_loopback = config->allow_loopback, .nat64 = config->nat64};
    g->n_ports = config->n_ports > 0 ? config->n_ports : RF_ARRAY_LEN(default_ports);
    g->ports = RF_NEW_ARRAY(uint16_t, g->n_ports);
    memcpy(g->ports, ports, g->n_ports * sizeof(*ports));
    g->deny = RF_NEW_ARRAY(rf_fetch_range, config->n_deny);
    for (size_t i = 0; i < config->n_deny; i++) {
        if (rf_fetch_range_parse(config->deny[i], &g->deny[i]) < 0) {
            *ret_why = config->deny[i];
            rf_fetch_guard_done(g);
            return -EINVAL;
        }
        g->n_deny++;
    }
    return 0;
}

void rf_fetch_guard_done(rf_fetch_guard *g)
{
    free(g->deny);
    free(g->ports);
    *g = (rf_fetch_guard){0};
}
