/* The form of URLs that requests may name. */
#include "rf_fetch.h"
#include "rf_fetch_guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define NOT_HTTP "is not http or https"
#define USER "holds a user name or password"
#define SPACE "holds a space or control character"
#define NO_URL "is not a URL"
#define LONG "is longer than 2048 bytes"

static const struct {
    const char *url;
    const char *why; /* NULL: good; "*": refused, however it is put */
} table[] = {
    {"http://example.com/x.mp3", NULL},
    {"https://example.com/x.mp3", NULL},
    {"HTTPS://EXAMPLE.COM/", NULL},
    {"https://example.com", NULL},
    {"https://example.com:8443/a?b=c#d", NULL},
    {"https://1.2.3.4/", NULL},
    {"https://[2606:2800::1]/", NULL},
    {"http://127.0.0.1/", NULL}, /* of good form; the socket refuses it */
    {"https://example.com/%41", NULL},
    {"https://ex-ample.com/~a/@b", NULL},
    {"", "*"},
    {"example.com", "*"},
    {"/path", "*"},
    {"//example.com/", "*"},
    {"http://", "*"},
    {"http:///path", "*"},
    {"http://:80/", "*"},
    {"ftp://example.com/", NOT_HTTP},
    {"file:///etc/passwd", NOT_HTTP},
    {"gopher://example.com/", NOT_HTTP},
    {"dict://example.com/", NOT_HTTP},
    {"ldap://example.com/", NOT_HTTP},
    {"smb://example.com/x", NOT_HTTP},
    {"scp://example.com/x", NOT_HTTP},
    {"sftp://example.com/x", NOT_HTTP},
    {"telnet://example.com/", NOT_HTTP},
    {"imap://example.com/", NOT_HTTP},
    {"rtsp://example.com/", NOT_HTTP},
    {"ws://example.com/", NOT_HTTP},
    {"javascript://example.com/", NOT_HTTP},
    {"data:audio/wav;base64,AAAA", "*"},
    {"httpx://example.com/", NOT_HTTP},
    {"http+unix://%2Frun%2Fx/", "*"},
    {"http://user@example.com/", USER},
    {"http://user:pass@example.com/", USER},
    {"http://:pass@example.com/", USER},
    {"http://@example.com/", "*"},
    {"http://a@b@example.com/", "*"},
    {"http://example.com@127.0.0.1/", USER},
    {"http://exa mple.com/", SPACE},
    {" http://example.com/", SPACE},
    {"http://example.com/ ", SPACE},
    {"http://example.com/a\tb", SPACE},
    {"http://example.com/a\r\nHost: b", SPACE},
    {"http://example.com/\x7f", SPACE},
    {"http://example.com:99999/", "*"},
    {"http://example.com:abc/", "*"},
    {"http://example.com:-1/", "*"},
    {"http://[::1/", "*"},
    {"http://[::zz]/", "*"},
    {"http://[1.2.3.4]/", "*"},
    {"http://exam<ple.com/", "*"},
};

/* S2, H7 */
Test(urls, of_good_form_are_told_from_others)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        const char *why = NULL;
        int err = rf_fetch_url_form(table[i].url, &why);
        cr_assert_eq(err, table[i].why == NULL ? 0 : -EINVAL, "\"%s\"", table[i].url);
        if (table[i].why != NULL && table[i].why[0] != '*') {
            cr_assert_str_eq(why, table[i].why, "\"%s\"", table[i].url);
        }
        cr_assert_eq(rf_fetch_url_form(table[i].url, NULL), err);
    }
}

/* H7 */
Test(urls, have_at_most_2048_bytes)
{
    static const struct {
        size_t len;
        int err;
    } rows[] = {{100, 0}, {2047, 0}, {2048, 0}, {2049, -EINVAL}, {100000, -EINVAL}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char *url = rf_alloc(rows[i].len + 1);
        const char *why = "";
        memset(url, 'a', rows[i].len);
        memcpy(url, "http://example.com/", 19);
        cr_assert_eq(rf_fetch_url_form(url, &why), rows[i].err, "%zu bytes", rows[i].len);
        cr_assert(rows[i].err == 0 || strcmp(why, LONG) == 0);
        free(url);
    }
}

Test(urls, to_other_ports_are_refused_before_any_name_is_looked_up)
{
    rf_fetch_guard g;
    rf_fetch_config config = {0};
    const char *why = NULL;
    static const struct {
        const char *url;
        const char *reason;
    } rows[] = {
        {"http://example.com/", NULL},
        {"https://example.com/", NULL},
        {"http://example.com:443/", NULL},
        {"http://example.com:8080/", NULL},
        {"https://example.com:8443/", NULL},
        {"http://example.com:22/", "port"},
        {"http://example.com:25/", "port"},
        {"http://example.com:6379/", "port"},
        {"http://example.com:0/", "port"},
        {"https://example.com:81/", "port"},
        {"ftp://example.com:80/", "scheme"},
        {"http://u@example.com/", "user_info"},
        {"http://", "url"},
    };
    cr_assert_eq(rf_fetch_guard_init(&g, &config, &why), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        const char *reason = rf_fetch_guard_url(&g, rows[i].url);
        cr_assert_str_eq(reason == NULL ? "good" : reason,
                         rows[i].reason == NULL ? "good" : rows[i].reason, "%s", rows[i].url);
    }
    rf_fetch_guard_done(&g);
}
