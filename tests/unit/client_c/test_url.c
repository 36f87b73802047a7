#include "reflection_url.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(url, forms_that_are_taken)
{
    static const struct {
        const char *text;
        bool is_tls;
        const char *host;
        const char *port;
        const char *path;
    } cases[] = {
        {"ws://h", false, "h", "80", "/ws/jam"},
        {"wss://h", true, "h", "443", "/ws/jam"},
        {"http://127.0.0.1:8080", false, "127.0.0.1", "8080", "/ws/jam"},
        {"https://localhost:8443/", true, "localhost", "8443", "/ws/jam"},
        {"HTTPS://h:1", true, "h", "1", "/ws/jam"},
        {"ws://h/other?x=1", false, "h", "80", "/other?x=1"},
        {"ws://h?x=1", false, "h", "80", "/ws/jam?x=1"},
        {"ws://[::1]:9/p", false, "::1", "9", "/p"},
        {"wss://[fe80::1]", true, "fe80::1", "443", "/ws/jam"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reflection_url url;
        reflection_jam_fault fault;
        cr_assert_eq(reflection_url_parse(cases[i].text, &url, &fault), 0, "%s", cases[i].text);
        cr_expect_eq(url.is_tls, cases[i].is_tls);
        cr_expect_str_eq(url.host, cases[i].host);
        cr_expect_str_eq(url.port, cases[i].port);
        cr_expect_str_eq(url.path, cases[i].path, "%s: %s", cases[i].text, url.path);
    }
}

Test(url, forms_that_are_refused)
{
    static const char *const bad[] = {
        "",           "h:80",     "ftp://h",     "ws://",        "ws:///p",         "ws://:80",
        "ws://h:",    "ws://h:0", "ws://h:x",    "ws://h:65536", "ws://u@h",        "ws://u:p@h",
        "ws://[::1",  "ws://[]",  "ws://[::1]x", "ws://h /p",    "ws://h/\r\nX: y", "ws://h/#f",
        "ws://h/\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        reflection_url url;
        reflection_jam_fault fault;
        cr_expect_eq(reflection_url_parse(bad[i], &url, &fault), -EINVAL, "%s", bad[i]);
        cr_expect_not_null(strstr(fault.message, "url"));
    }
    char longest[2048] = "ws://h/";
    memset(longest + 7, 'x', 1030);
    reflection_url url;
    reflection_jam_fault fault;
    cr_expect_eq(reflection_url_parse(longest, &url, &fault), -EINVAL);
    cr_expect_not_null(strstr(fault.message, "1023"));
    cr_expect_eq(reflection_url_parse(NULL, &url, &fault), -EINVAL);
}
