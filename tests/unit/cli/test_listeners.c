#include "cli_listen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(listen, port_0_becomes_a_real_port_that_is_taken)
{
    rf_buf error;
    rf_buf_init(&error, 4096);
    cli_listener a;
    cli_listener b;
    cr_assert_eq(cli_listen("127.0.0.1:0", &a, &error), 0, "%s", rf_buf_str(&error));
    cr_expect_gt(a.port, 0);
    RF_CLEANUP(rf_cleanup_free) char *url = cli_listener_url(&a, "https");
    RF_CLEANUP(rf_cleanup_free) char *wanted = rf_asprintf("https://127.0.0.1:%d", a.port);
    cr_expect_str_eq(url, wanted);
    cr_expect_eq(cli_listen(wanted + strlen("https://"), &b, &error), -EADDRINUSE);
    cr_expect_not_null(strstr(rf_buf_str(&error), "port 0 picks a free one"));
    rf_close(&a.fd);
    rf_buf_done(&error);
}

Test(listen, hosts_keep_their_spelling_in_urls)
{
    static const struct {
        const char *address;
        const char *prefix;
    } cases[] = {{"localhost:0", "http://localhost:"}, {"0.0.0.0:0", "http://localhost:"}};
    rf_buf error;
    rf_buf_init(&error, 4096);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cli_listener l;
        cr_assert_eq(cli_listen(cases[i].address, &l, &error), 0, "%s", rf_buf_str(&error));
        RF_CLEANUP(rf_cleanup_free) char *url = cli_listener_url(&l, "http");
        cr_expect_eq(strncmp(url, cases[i].prefix, strlen(cases[i].prefix)), 0, "%s", url);
        rf_close(&l.fd);
    }
    rf_buf_done(&error);
}

Test(listen, bad_addresses_are_named)
{
    static const char *const bad[] = {"",   ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                      "h:x"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_buf error;
        rf_buf_init(&error, 4096);
        cli_listener l;
        cr_expect_eq(cli_listen(bad[i], &l, &error), -EINVAL, "%s", bad[i]);
        cr_expect_not_null(strstr(rf_buf_str(&error), "HOST:PORT"), "%s", bad[i]);
        rf_buf_done(&error);
    }
}
