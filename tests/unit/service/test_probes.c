#include "rf_buf.h"
#include "rf_metric.h"
#include "rf_probes.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

static size_t take(char *data, size_t size, size_t n, void *user)
{
    return rf_buf_append(user, data, size * n) == 0 ? size * n : 0;
}

static long get(const rf_probes *p, const char *path, const char *method, rf_buf *body)
{
    long status = 0;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("%s%s", rf_probes_url(p), path);
    CURL *curl = curl_easy_init();
    rf_buf_clear(body);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    cr_assert_eq(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

Test(probes, answer_health_readiness_and_metrics)
{
    rf_probes *p = NULL;
    rf_buf body;
    rf_buf_init(&body, 1 << 20);
    rf_metric_add(rf_metric_counter("probe_test_total", "Test.", NULL), 5);
    cr_assert_eq(rf_probes_start("127.0.0.1:0", &p), 0);
    cr_expect_eq(get(p, "/healthz", "GET", &body), 200);
    cr_expect_eq(get(p, "/readyz", "GET", &body), 503);
    cr_expect_str_eq(rf_buf_str(&body), "starting\n");
    rf_probes_set_ready(p, true, "");
    cr_expect_eq(get(p, "/readyz", "GET", &body), 200);
    rf_probes_set_ready(p, false, "store is down");
    cr_expect_eq(get(p, "/readyz", "GET", &body), 503);
    cr_expect_str_eq(rf_buf_str(&body), "store is down\n");
    cr_expect_eq(get(p, "/metrics", "GET", &body), 200);
    cr_expect_not_null(strstr(rf_buf_str(&body), "\nprobe_test_total 5\n"));
    cr_expect_eq(get(p, "/other", "GET", &body), 404);
    cr_expect_eq(get(p, "/healthz", "POST", &body), 405);
    rf_probes_stop(p);
    rf_buf_done(&body);
}

Test(probes, bad_addresses_are_refused)
{
    static const char *const bad[] = {"",      "127.0.0.1", ":1", "127.0.0.1:x", "127.0.0.1:70000",
                                      "name:1"};
    rf_probes *p = NULL;
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_eq(rf_probes_start(bad[i], &p), -EINVAL, "%s", bad[i]);
    }
    rf_probes *first = NULL;
    cr_assert_eq(rf_probes_start("127.0.0.1:0", &first), 0);
    cr_expect_lt(rf_probes_start(rf_probes_url(first) + strlen("http://"), &p), 0);
    rf_probes_stop(first);
}
