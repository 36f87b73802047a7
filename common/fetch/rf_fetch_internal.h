/*
 * rf_fetch_internal.h - inside the fetcher: settings, one call, one HTTP exchange, and
 * its parts that rf_fetch_post.c uses too.
 */
#ifndef RF_FETCH_INTERNAL_H
#define RF_FETCH_INTERNAL_H

#include "rf_fetch.h"
#include "rf_fetch_guard.h"

#include <curl/curl.h>

typedef struct rf_fetch_override {
    char *url;
    char *path;
} rf_fetch_override;

struct rf_fetch {
    rf_fetch_config config; /* numbers only, defaults filled in */
    rf_fetch_guard guard;
    rf_fetch_override *overrides;
    size_t n_overrides;
    struct curl_slist *hosts;
    char *ca_file;
};

/* One rf_fetch_get or rf_fetch_put. */
typedef struct rf_fetch_call {
    const rf_fetch *fetch;
    rf_fetch_kind kind;
    uint64_t max_bytes;
    const rf_fetch_sink *sink;     /* of a GET, else NULL */
    const rf_fetch_source *source; /* of a PUT, else NULL; a POST has neither */
    int cancel_fd;
    int64_t until_ns;
    rf_fetch_result *result;
} rf_fetch_call;

/* The state of one request that libcurl's callbacks see; it stays where it is while easy lives. */
typedef struct rf_fetch_request {
    const rf_fetch_call *call;
    CURL *easy;
    const char *blocked; /* reason of the last address refused, NULL for none */
    int local_err;       /* of sink or source */
    bool too_large;
    uint64_t n_sent;
    uint64_t n_received;
    uint64_t n_unwanted; /* body of an answer whose status says enough */
} rf_fetch_request;

/* rf_fetch_request_guard sets everything that keeps a request within the rules; _limits its times;
 * _http version, headers (which outlive it) and what becomes of the answer's body. */
void rf_fetch_request_guard(rf_fetch_request *x, const char *url);
void rf_fetch_request_limits(rf_fetch_request *x);
void rf_fetch_request_http(rf_fetch_request *x, struct curl_slist *headers);

/* rf_fetch_request_judge fills the call's result from what libcurl said; *ret_location as in
 * rf_fetch_exchange. */
void rf_fetch_request_judge(const rf_fetch_request *x, CURLcode code, char **ret_location);

/* rf_fetch_exchange sends one request and reads its answer; fills outcome, http_status, err,
 * blocked, n_bytes and detail. A redirect is RF_FETCH_REFUSED with *ret_location, which the caller
 * frees. */
void rf_fetch_exchange(const rf_fetch_call *call, const char *url, char **ret_location);

/* rf_fetch_read_file copies an override file into the sink under the call's limits. */
void rf_fetch_read_file(const rf_fetch_call *call, const char *path);

/* rf_fetch_cancelled waits at most wait_ms for cancel_fd and says whether it is readable. */
bool rf_fetch_cancelled(int cancel_fd, int64_t wait_ms);

/* rf_fetch_end sets the outcome; detail is a static text. */
void rf_fetch_end(rf_fetch_result *result, rf_fetch_outcome outcome, int err, const char *detail);

/* rf_fetch_count_blocked counts one refusal. */
void rf_fetch_count_blocked(rf_fetch_kind kind, const char *reason);

#endif
