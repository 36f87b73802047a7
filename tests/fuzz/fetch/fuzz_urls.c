/* Any bytes as a URL and as a range of addresses. What passes as a URL is http or https, short and
 * without control characters; what the guard admits passes as a URL and names a listed port. */
#include "rf_fetch_guard.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_good_url(const char *url)
{
    check(strncasecmp(url, "http:", 5) == 0 || strncasecmp(url, "https:", 6) == 0);
    check(strlen(url) <= RF_FETCH_MAX_URL);
    for (const char *p = url; *p != '\0'; p++) {
        check((unsigned char)*p > ' ' && *p != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RF_CLEANUP(rf_cleanup_free) char *text = rf_strndup((const char *)data, size);
    rf_fetch_guard guard;
    rf_fetch_config config = {0};
    rf_fetch_range range = {0};
    const char *why = NULL;
    check(rf_fetch_guard_init(&guard, &config, &why) == 0);
    int err = rf_fetch_url_form(text, &why);
    if (err == 0) {
        check_good_url(text);
    } else {
        check(why != NULL);
    }
    check(rf_fetch_guard_url(&guard, text) != NULL || err == 0);
    if (rf_fetch_range_parse(text, &range) == 0) {
        check(range.n_bits <= 128 && range.reason != NULL);
    }
    rf_fetch_guard_done(&guard);
    return 0;
}
