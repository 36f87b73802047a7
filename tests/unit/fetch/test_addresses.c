/* The rules for addresses: each blocked range to its edges, what lies beside it, the settings. */
#include "rf_fetch_guard.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const char *ask(const rf_fetch_guard *g, const char *text, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return rf_fetch_guard_address(g, (const struct sockaddr *)&v4, sizeof(v4));
    }
    cr_assert_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
    return rf_fetch_guard_address(g, (const struct sockaddr *)&v6, sizeof(v6));
}

static rf_fetch_guard make_guard(rf_fetch_config config)
{
    rf_fetch_guard g;
    const char *why = NULL;
    cr_assert_eq(rf_fetch_guard_init(&g, &config, &why), 0, "%s", why == NULL ? "" : why);
    return g;
}

static void expect(const rf_fetch_guard *g, const char *address, const char *reason)
{
    const char *why = ask(g, address, 80);
    cr_assert_str_eq(why == NULL ? "admitted" : why, reason == NULL ? "admitted" : reason, "%s",
                     address);
}

/* clang-format off */
static const struct {
    const char *address;
    const char *reason; /* NULL: admitted */
} table[] = {
    {"0.0.0.0", "unspecified"},     {"0.255.255.255", "unspecified"},  {"1.0.0.0", NULL},
    {"9.255.255.255", NULL},        {"10.0.0.0", "private"},           {"10.255.255.255", "private"},
    {"11.0.0.0", NULL},             {"100.63.255.255", NULL},          {"100.64.0.0", "private"},
    {"100.127.255.255", "private"}, {"100.128.0.0", NULL},             {"126.255.255.255", NULL},
    {"127.0.0.0", "loopback"},      {"127.0.0.1", "loopback"},         {"127.255.255.255", "loopback"},
    {"128.0.0.0", NULL},            {"169.253.255.255", NULL},         {"169.254.0.0", "link_local"},
    {"169.254.169.254", "link_local"}, {"169.254.255.255", "link_local"}, {"169.255.0.0", NULL},
    {"172.15.255.255", NULL},       {"172.16.0.0", "private"},         {"172.31.255.255", "private"},
    {"172.32.0.0", NULL},           {"191.255.255.255", NULL},         {"192.0.0.0", "reserved"},
    {"192.0.0.255", "reserved"},    {"192.0.1.0", NULL},               {"192.0.2.0", "reserved"},
    {"192.0.2.255", "reserved"},    {"192.0.3.0", NULL},               {"192.88.98.255", NULL},
    {"192.88.99.0", "reserved"},    {"192.88.99.255", "reserved"},     {"192.88.100.0", NULL},
    {"192.167.255.255", NULL},      {"192.168.0.0", "private"},        {"192.168.255.255", "private"},
    {"192.169.0.0", NULL},          {"198.17.255.255", NULL},          {"198.18.0.0", "reserved"},
    {"198.19.255.255", "reserved"}, {"198.20.0.0", NULL},              {"198.51.99.255", NULL},
    {"198.51.100.0", "reserved"},   {"198.51.100.255", "reserved"},    {"198.51.101.0", NULL},
    {"203.0.112.255", NULL},        {"203.0.113.0", "reserved"},       {"203.0.113.255", "reserved"},
    {"203.0.114.0", NULL},          {"223.255.255.255", NULL},         {"224.0.0.0", "multicast"},
    {"239.255.255.255", "multicast"}, {"240.0.0.0", "reserved"},       {"255.255.255.255", "reserved"},
    {"8.8.8.8", NULL},              {"93.184.216.34", NULL},

    {"::", "unspecified"},          {"::1", "loopback"},               {"::2", "unspecified"},
    {"::7f00:1", "unspecified"},    {"::8.8.8.8", "unspecified"},      {"::ffff:ffff", "unspecified"},
    {"::1:0:0", NULL},              {"::fffe:8.8.8.8", NULL},          {"::ffff:0.0.0.0", "embedded_v4"},
    {"::ffff:8.8.8.8", "embedded_v4"}, {"::ffff:127.0.0.1", "embedded_v4"}, {"::1:0:0:0", NULL},
    {"64:ff9b::", "embedded_v4"},   {"64:ff9b::8.8.8.8", "embedded_v4"}, {"64:ff9b::ffff:ffff", "embedded_v4"},
    {"64:ff9b:0:0:0:1::", NULL},    {"64:ff9b:1::", "embedded_v4"},    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "embedded_v4"},
    {"64:ff9b:2::", NULL},          {"64:ff9a::1", NULL},              {"100::", "reserved"},
    {"100::ffff:ffff:ffff:ffff", "reserved"}, {"100:0:0:1::", NULL},   {"2000::1", NULL},
    {"2001::", "reserved"},         {"2001:1ff:ffff::1", "reserved"},  {"2001:200::", NULL},
    {"2001:db7:ffff::1", NULL},     {"2001:db8::", "reserved"},        {"2001:db8:ffff:ffff::1", "reserved"},
    {"2001:db9::", NULL},           {"2002::", "embedded_v4"},         {"2002:7f00:1::", "embedded_v4"},
    {"2002:ffff:ffff::1", "embedded_v4"}, {"2003::", NULL},            {"3ffe:ffff::1", NULL},
    {"3fff::", "reserved"},         {"3fff:fff:ffff::1", "reserved"},  {"3fff:1000::", NULL},
    {"5eff:ffff::1", NULL},         {"5f00::", "reserved"},            {"5f00:ffff::1", "reserved"},
    {"5f01::", NULL},               {"fbff::1", NULL},                 {"fc00::", "private"},
    {"fdff:ffff::1", "private"},    {"fe00::", NULL},                  {"fe7f:ffff::1", NULL},
    {"fe80::", "link_local"},       {"fe80::1", "link_local"},         {"febf:ffff::1", "link_local"},
    {"fec0::", "private"},          {"feff:ffff::1", "private"},       {"ff00::", "multicast"},
    {"ff02::1", "multicast"},       {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
    {"2606:2800:220:1:248:1893:25c8:1946", NULL},
};
/* clang-format on */

/* S5 */
Test(addresses, every_range_is_blocked_to_its_edges)
{
    rf_fetch_guard g = make_guard((rf_fetch_config){0});
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        expect(&g, table[i].address, table[i].reason);
    }
    rf_fetch_guard_done(&g);
}

/* S6 */
Test(addresses, allow_loopback_opens_loopback_and_nothing_else)
{
    rf_fetch_guard g = make_guard((rf_fetch_config){.allow_loopback = true});
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        bool loop = table[i].reason != NULL && strcmp(table[i].reason, "loopback") == 0;
        expect(&g, table[i].address, loop ? NULL : table[i].reason);
    }
    rf_fetch_guard_done(&g);
}

/* S5 */
Test(addresses, nat64_admits_what_the_ipv4_list_admits)
{
    static const struct {
        const char *address;
        const char *reason;
    } rows[] = {
        {"64:ff9b::8.8.8.8", NULL},
        {"64:ff9b::127.0.0.1", "loopback"},
        {"64:ff9b::10.0.0.1", "private"},
        {"64:ff9b::169.254.169.254", "link_local"},
        {"64:ff9b::0.0.0.0", "unspecified"},
        {"64:ff9b::255.255.255.255", "reserved"},
        {"64:ff9b:1::8.8.8.8", "embedded_v4"},
        {"::ffff:8.8.8.8", "embedded_v4"},
        {"2002:808:808::", "embedded_v4"},
    };
    static const char *const deny[] = {"9.9.9.0/24"};
    /* Loopback stays shut behind NAT64 even where it is open here: it is another machine's. */
    rf_fetch_guard g = make_guard(
        (rf_fetch_config){.nat64 = true, .allow_loopback = true, .deny = deny, .n_deny = 1});
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        expect(&g, rows[i].address, rows[i].reason);
    }
    expect(&g, "64:ff9b::9.9.9.9", "denied");
    rf_fetch_guard_done(&g);
}

/* S5 */
Test(addresses, denied_ranges_win)
{
    static const char *const deny[] = {"8.8.8.0/24", "1.2.3.4", "2600::/12", "127.0.0.2/32",
                                       "0.0.0.0/0"};
    rf_fetch_guard g =
        make_guard((rf_fetch_config){.deny = deny, .n_deny = 4, .allow_loopback = true});
    expect(&g, "8.8.8.8", "denied");
    expect(&g, "8.8.9.1", NULL);
    expect(&g, "1.2.3.4", "denied");
    expect(&g, "1.2.3.5", NULL);
    expect(&g, "2606:2800::1", "denied");
    expect(&g, "2610::1", NULL);
    expect(&g, "127.0.0.2", "denied");
    expect(&g, "127.0.0.1", NULL);
    rf_fetch_guard_done(&g);
    g = make_guard((rf_fetch_config){.deny = deny, .n_deny = 5});
    expect(&g, "93.184.216.34", "denied");
    rf_fetch_guard_done(&g);
}

/* S2 */
Test(addresses, ports_are_those_of_the_list)
{
    static const uint16_t own[] = {80, 9000};
    static const struct {
        bool own;
        bool loop;
        const char *address;
        uint16_t port;
        bool admitted;
    } rows[] = {
        {false, false, "8.8.8.8", 80, true},     {false, false, "8.8.8.8", 443, true},
        {false, false, "8.8.8.8", 8080, true},   {false, false, "8.8.8.8", 8443, true},
        {false, false, "8.8.8.8", 22, false},    {false, false, "8.8.8.8", 0, false},
        {false, false, "8.8.8.8", 65535, false}, {true, false, "8.8.8.8", 9000, true},
        {true, false, "8.8.8.8", 443, false},    {false, true, "127.0.0.1", 22, true},
        {false, true, "::1", 1, true},           {false, true, "8.8.8.8", 22, false},
        {false, true, "2606::1", 22, false},     {false, false, "2606::1", 443, true},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_fetch_config config = {.allow_loopback = rows[i].loop,
                                  .ports = rows[i].own ? own : NULL,
                                  .n_ports = rows[i].own ? RF_ARRAY_LEN(own) : 0};
        rf_fetch_guard g = make_guard(config);
        const char *why = ask(&g, rows[i].address, rows[i].port);
        cr_assert_eq(why == NULL, rows[i].admitted, "row %zu", i);
        cr_assert(why == NULL || strcmp(why, "port") == 0);
        rf_fetch_guard_done(&g);
    }
}

Test(addresses, other_families_and_cut_addresses_are_refused)
{
    rf_fetch_guard g = make_guard((rf_fetch_config){.allow_loopback = true});
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/docker.sock"};
    cr_assert_str_eq(rf_fetch_guard_address(&g, (const struct sockaddr *)&un, sizeof(un)),
                     "family");
    struct sockaddr_in in = {.sin_family = AF_INET};
    cr_assert_str_eq(rf_fetch_guard_address(&g, (const struct sockaddr *)&in, 4), "family");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    cr_assert_str_eq(rf_fetch_guard_address(&g, (const struct sockaddr *)&in6, 16), "family");
    rf_fetch_guard_done(&g);
}

Test(addresses, ranges_are_read_strictly)
{
    static const struct {
        const char *text;
        int err;
        unsigned n_bits;
    } rows[] = {
        {"10.0.0.0/8", 0, 8},
        {"1.2.3.4", 0, 32},
        {"::1", 0, 128},
        {"fd00::/8", 0, 8},
        {"0.0.0.0/0", 0, 0},
        {"::/0", 0, 0},
        {"", -EINVAL, 0},
        {"/8", -EINVAL, 0},
        {"10.0.0.0/", -EINVAL, 0},
        {"10.0.0.0/33", -EINVAL, 0},
        {"::/129", -EINVAL, 0},
        {"10.0.0.0/-1", -EINVAL, 0},
        {"10.0.0/8", -EINVAL, 0},
        {"10.0.0.0/8x", -EINVAL, 0},
        {"ten/8", -EINVAL, 0},
        {"10.0.0.0/8/9", -EINVAL, 0},
        {"1.2.3.4.5", -EINVAL, 0},
        {":::/8", -EINVAL, 0},
        {"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8", -EINVAL, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_fetch_range r = {0};
        cr_assert_eq(rf_fetch_range_parse(rows[i].text, &r), rows[i].err, "%s", rows[i].text);
        cr_assert_eq(r.n_bits, rows[i].n_bits, "%s", rows[i].text);
    }
}

Test(addresses, a_bad_setting_is_named)
{
    static const char *const good[] = {"10.0.0.0/8"};
    static const char *const bad[] = {"10.0.0.0/8", "nonsense/8"};
    static const char *const bad_host[] = {"name-only"};
    static const char *const bad_override[] = {"https://a/b"};
    const struct {
        rf_fetch_config config;
        const char *why;
    } rows[] = {
        {{.deny = good, .n_deny = 1}, NULL},
        {{.deny = bad, .n_deny = 2}, "nonsense/8"},
        {{.hosts = bad_host, .n_hosts = 1}, "name-only"},
        {{.override = bad_override, .n_override = 1}, "https://a/b"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_fetch *f = NULL;
        const char *why = "";
        int err = rf_fetch_new(&rows[i].config, &f, &why);
        cr_assert_eq(err, rows[i].why == NULL ? 0 : -EINVAL);
        cr_assert_eq(f != NULL, rows[i].why == NULL);
        if (rows[i].why != NULL) {
            cr_assert_str_eq(why, rows[i].why);
        }
        rf_fetch_free(f);
    }
}
