#include "rf_fetch.h"

#include "rf_fetch_internal.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX_BYTES (1ULL << 30)
#define DEFAULT_CONNECT_MS 5000
#define DEFAULT_TOTAL_MS 600000
#define DEFAULT_LOW_SPEED 10240
#define DEFAULT_LOW_SPEED_MS 30000
#define DEFAULT_RETRY_MS 1000
#define DEFAULT_TRIES 3
#define DEFAULT_REDIRECTS 3
#define RETRY_GROWTH 4

/* ---- settings ---- */

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void fill_numbers(rf_fetch_config *to, const rf_fetch_config *from)
{
#define OR_DEFAULT(field, def) to->field = from->field != 0 ? from->field : (def)
    OR_DEFAULT(max_bytes, DEFAULT_MAX_BYTES);
    OR_DEFAULT(connect_timeout_ms, DEFAULT_CONNECT_MS);
    OR_DEFAULT(total_timeout_ms, DEFAULT_TOTAL_MS);
    OR_DEFAULT(low_speed_bytes_s, DEFAULT_LOW_SPEED);
    OR_DEFAULT(low_speed_ms, DEFAULT_LOW_SPEED_MS);
    OR_DEFAULT(retry_delay_ms, DEFAULT_RETRY_MS);
    OR_DEFAULT(max_tries, DEFAULT_TRIES);
    OR_DEFAULT(max_redirects, DEFAULT_REDIRECTS);
#undef OR_DEFAULT
}

/* "URL=/file": the file begins at the last "=/", since a query may hold one too. */
static int add_override(rf_fetch *f, const char *text)
{
    const char *cut = NULL;
    for (const char *p = strstr(text, "=/"); p != NULL; p = strstr(p + 1, "=/")) {
        cut = p;
    }
    if (cut == NULL || cut == text) {
        return -EINVAL;
    }
    rf_fetch_override *o = &f->overrides[f->n_overrides++];
    o->url = rf_strndup(text, (size_t)(cut - text));
    o->path = rf_strdup(cut + 1);
    return 0;
}

/* "name:port:address[,address]" */
static int add_host(rf_fetch *f, const char *text)
{
    const char *port = strchr(text, ':');
    const char *address = port == NULL ? NULL : strchr(port + 1, ':');
    if (address == NULL || port == text || address == port + 1 || address[1] == '\0') {
        return -EINVAL;
    }
    struct curl_slist *list = curl_slist_append(f->hosts, text);
    f->hosts = list == NULL ? f->hosts : list;
    return list == NULL ? -ENOMEM : 0;
}

static int add_lists(rf_fetch *f, const rf_fetch_config *config, const char **ret_why)
{
    int err = rf_fetch_guard_init(&f->guard, config, ret_why);
    f->overrides = RF_NEW_ARRAY(rf_fetch_override, config->n_override);
    for (size_t i = 0; err == 0 && i < config->n_override; i++) {
        *ret_why = config->override[i];
        err = add_override(f, config->override[i]);
    }
    for (size_t i = 0; err == 0 && i < config->n_hosts; i++) {
        *ret_why = config->hosts[i];
        err = add_host(f, config->hosts[i]);
    }
    return err;
}

int rf_fetch_new(const rf_fetch_config *config, rf_fetch **ret, const char **ret_why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *why = NULL;
    pthread_once(&once, global_init);
    rf_fetch *f = RF_NEW(rf_fetch);
    fill_numbers(&f->config, config);
    f->ca_file = rf_strdup(config->ca_file);
    int err = add_lists(f, config, ret_why == NULL ? &why : ret_why);
    if (err < 0) {
        rf_fetch_free(f);
        return err;
    }
    *ret = f;
    return 0;
}

rf_fetch *rf_fetch_free(rf_fetch *f)
{
    if (f == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < f->n_overrides; i++) {
        free(f->overrides[i].url);
        free(f->overrides[i].path);
    }
    free(f->overrides);
    curl_slist_free_all(f->hosts);
    rf_fetch_guard_done(&f->guard);
    free(f->ca_file);
    free(f);
    return NULL;
}

/* ---- results ---- */

void rf_fetch_end(rf_fetch_result *r, rf_fetch_outcome outcome, int err, const char *detail)
{
    r->outcome = outcome;
    r->err = err;
    rf_copy_str(r->detail, sizeof(r->detail), detail);
}

void rf_fetch_count_blocked(rf_fetch_kind kind, const char *reason)
{
    static const char *const kinds[] = {"input", "copy", "webhook"};
    char labels[80];
    snprintf(labels, sizeof(labels), "kind=\"%s\",reason=\"%s\"", kinds[kind], reason);
    rf_metric_add(rf_metric_counter("reflection_fetch_blocked_total",
                                    "Addresses and URLs that the fetcher refused.", labels),
                  1);
}

bool rf_fetch_cancelled(int cancel_fd, int64_t wait_ms)
{
    struct pollfd p = {.fd = cancel_fd, .events = POLLIN};
    return poll(&p, 1, (int)wait_ms) > 0;
}

/* ---- tries ---- */

/* One try: a request, and those it is redirected to. */
static void try_once(const rf_fetch_call *call, const char *url)
{
    unsigned max_hops = call->source != NULL ? 0 : call->fetch->config.max_redirects;
    RF_CLEANUP(rf_cleanup_free) char *here = rf_strdup(url);
    for (unsigned hop = 0; here != NULL; hop++) {
        const char *why = rf_fetch_guard_url(&call->fetch->guard, here);
        if (why != NULL) {
            rf_fetch_count_blocked(call->kind, why);
            rf_fetch_end(call->result, RF_FETCH_UNREACHABLE, -EACCES, why);
            call->result->blocked = true;
            return;
        }
        char *location = NULL;
        rf_fetch_exchange(call, here, &location);
        free(here);
        here = location;
        if (hop == max_hops) {
            return;
        }
    }
}

static bool worth_retrying(const rf_fetch_result *r)
{
    return r->outcome == RF_FETCH_FAILED ||
           (r->outcome == RF_FETCH_UNREACHABLE && !r->blocked && r->err != -EKEYREJECTED);
}

/* Waits before the next try; false when there is none. */
static bool wait_for_retry(const rf_fetch_call *call, int64_t delay_ms)
{
    if (call->result->n_tries >= call->fetch->config.max_tries ||
        rf_time_ns() + delay_ms * RF_NS_PER_MS >= call->until_ns) {
        return false;
    }
    if (rf_fetch_cancelled(call->cancel_fd, delay_ms)) {
        rf_fetch_end(call->result, RF_FETCH_CANCELLED, -ECANCELED, "cancelled");
        return false;
    }
    return true;
}

static int run(rf_fetch_call *call, const char *url)
{
    rf_fetch_result *r = call->result;
    int64_t delay_ms = call->fetch->config.retry_delay_ms;
    call->until_ns = rf_time_ns() + call->fetch->config.total_timeout_ms * RF_NS_PER_MS;
    do {
        r->n_tries++;
        r->http_status = 0;
        int err = call->sink != NULL ? call->sink->begin(call->sink->user) : 0;
        if (err < 0) {
            rf_fetch_end(r, RF_FETCH_LOCAL, err, "sink failed");
            return err;
        }
        try_once(call, url);
        if (!worth_retrying(r) || !wait_for_retry(call, delay_ms)) {
            return r->err;
        }
        delay_ms *= RETRY_GROWTH;
    } while (true);
}

static const char *override_of(const rf_fetch *f, const char *url)
{
    for (size_t i = 0; i < f->n_overrides; i++) {
        if (strcmp(f->overrides[i].url, url) == 0) {
            return f->overrides[i].path;
        }
    }
    return NULL;
}

int rf_fetch_get(const rf_fetch *f, rf_fetch_kind kind, const char *url, uint64_t max_bytes,
                 const rf_fetch_sink *sink, int cancel_fd, rf_fetch_result *result)
{
    uint64_t limit = f->config.max_bytes;
    *result = (rf_fetch_result){0};
    rf_fetch_call call = {.fetch = f, .kind = kind, .sink = sink, .cancel_fd = cancel_fd};
    call.max_bytes = max_bytes > 0 ? RF_MIN(max_bytes, limit) : limit;
    call.result = result;
    const char *path = override_of(f, url);
    if (path != NULL) {
        rf_fetch_read_file(&call, path);
        return result->err;
    }
    return run(&call, url);
}

int rf_fetch_put(const rf_fetch *f, rf_fetch_kind kind, const char *url,
                 const rf_fetch_source *source, int cancel_fd, rf_fetch_result *result)
{
    *result = (rf_fetch_result){0};
    rf_fetch_call call = {.fetch = f, .kind = kind, .source = source, .cancel_fd = cancel_fd};
    call.result = result;
    return run(&call, url);
}
