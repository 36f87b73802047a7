#include "rf_fetch_internal.h"

#include "rf_sigpipe.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_MAX_MS 60000
#define BUFFER_BYTES 65536L
#define ERROR_BODY_MAX 65536 /* of an answer that is not wanted, read to see its end */

/* ---- callbacks ---- */

/* The one place where a socket is made: what is checked here is what is connected to. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    rf_fetch_request *x = user;
    const char *why = purpose == CURLSOCKTYPE_IPCXN
                          ? rf_fetch_guard_address(&x->call->fetch->guard, &a->addr, a->addrlen)
                          : "family";
    if (why != NULL) {
        x->blocked = why;
        rf_fetch_count_blocked(x->call->kind, why);
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static size_t take_body(char *data, size_t size, size_t n, void *user)
{
    rf_fetch_request *x = user;
    size_t len = size * n;
    if (x->call->sink == NULL || status_of(x->easy) / 100 != 2) {
        x->n_unwanted += len;
        return x->n_unwanted <= ERROR_BODY_MAX ? len : 0;
    }
    if (len > x->call->max_bytes - x->n_received) {
        x->too_large = true;
        return 0;
    }
    x->local_err = x->call->sink->write(x->call->sink->user, data, len);
    x->n_received += len;
    return x->local_err < 0 ? 0 : len;
}

static size_t give_body(char *data, size_t size, size_t n, void *user)
{
    rf_fetch_request *x = user;
    const rf_fetch_source *source = x->call->source;
    uint64_t left = source->size - x->n_sent;
    size_t len = (size_t)RF_MIN((uint64_t)(size * n), left);
    ssize_t got = len == 0 ? 0 : source->read(source->user, x->n_sent, data, len);
    if (got < 0 || (got == 0 && left > 0)) {
        x->local_err = got < 0 ? (int)got : -ENODATA;
        return CURL_READFUNC_ABORT;
    }
    x->n_sent += (uint64_t)got;
    return (size_t)got;
}

/* ---- settings of a request ---- */

void rf_fetch_request_guard(rf_fetch_request *x, const char *url)
{
    const rf_fetch *f = x->call->fetch;
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L); /* redirects are checked one by one */
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver that hangs */
    curl_easy_setopt(e, CURLOPT_RESOLVE, f->hosts);
    if (f->ca_file != NULL) {
        curl_easy_setopt(e, CURLOPT_CAINFO, f->ca_file);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    }
}

void rf_fetch_request_limits(rf_fetch_request *x)
{
    const rf_fetch_config *c = &x->call->fetch->config;
    int64_t left_ms = (x->call->until_ns - rf_time_ns()) / RF_NS_PER_MS;
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)RF_MAX(left_ms, 1));
    curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
    curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, (long)c->low_speed_bytes_s);
    curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME,
                     (long)RF_MAX((c->low_speed_ms + 999) / 1000, 1));
}

void rf_fetch_request_http(rf_fetch_request *x, struct curl_slist *headers)
{
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "reflection");
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
}

static void set_direction(rf_fetch_request *x)
{
    CURL *e = x->easy;
    if (x->call->source != NULL) {
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->call->source->size);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(e, CURLOPT_READDATA, x);
    } else {
        curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
                         (curl_off_t)RF_MIN(x->call->max_bytes, (uint64_t)INT64_MAX));
    }
}

/* ---- running ---- */

static CURLcode result_of(CURLM *multi)
{
    int n = 0;
    const CURLMsg *m = curl_multi_info_read(multi, &n);
    return m != NULL && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
}

static CURLcode perform(const rf_fetch_request *x, CURLM *multi)
{
    struct curl_waitfd cancel = {.fd = x->call->cancel_fd, .events = CURL_WAIT_POLLIN};
    unsigned n_extra = x->call->cancel_fd >= 0 ? 1 : 0;
    int running = 1;
    while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0) {
        if (curl_multi_poll(multi, &cancel, n_extra, POLL_MAX_MS, NULL) != CURLM_OK) {
            return CURLE_FAILED_INIT;
        }
        if (n_extra > 0 && cancel.revents != 0) {
            return CURLE_ABORTED_BY_CALLBACK;
        }
    }
    return result_of(multi);
}

/* ---- what it means ---- */

static void judge_status(const rf_fetch_request *x, int status)
{
    rf_fetch_result *r = x->call->result;
    if (status / 100 == 2) {
        rf_fetch_end(r, RF_FETCH_OK, 0, "");
    } else if (status / 100 == 5 || status == 429) {
        rf_fetch_end(r, RF_FETCH_FAILED, -EREMOTEIO, "server error");
    } else if (status / 100 == 3 || status / 100 == 4) {
        rf_fetch_end(r, RF_FETCH_REFUSED, -EREMOTEIO, "refused by the server");
    } else {
        rf_fetch_end(r, RF_FETCH_UNREACHABLE, -EPROTO, "no final answer");
    }
}

static void judge_failure(const rf_fetch_request *x, CURLcode code)
{
    rf_fetch_result *r = x->call->result;
    if (code == CURLE_ABORTED_BY_CALLBACK && x->local_err == 0) {
        rf_fetch_end(r, RF_FETCH_CANCELLED, -ECANCELED, "cancelled");
    } else if (x->local_err < 0) {
        rf_fetch_end(r, RF_FETCH_LOCAL, x->local_err, "sink or source failed");
    } else if (x->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        rf_fetch_end(r, RF_FETCH_TOO_LARGE, -EFBIG, "body above the limit");
    } else if (x->blocked != NULL && code == CURLE_COULDNT_CONNECT) {
        rf_fetch_end(r, RF_FETCH_UNREACHABLE, -EACCES, x->blocked);
        r->blocked = true;
    } else {
        int err = code == CURLE_OPERATION_TIMEDOUT         ? -ETIMEDOUT
                  : code == CURLE_PEER_FAILED_VERIFICATION ? -EKEYREJECTED
                                                           : -EHOSTUNREACH;
        rf_fetch_end(r, RF_FETCH_UNREACHABLE, err, curl_easy_strerror(code));
    }
}

void rf_fetch_request_judge(const rf_fetch_request *x, CURLcode code, char **ret_location)
{
    rf_fetch_result *r = x->call->result;
    char *location = NULL;
    r->http_status = status_of(x->easy);
    r->n_bytes = x->call->source != NULL ? x->n_sent : x->n_received;
    /* An error answer stands even when its body was too long or was not read to its end. */
    bool refused = r->http_status >= 300 && code != CURLE_ABORTED_BY_CALLBACK && x->local_err == 0;
    bool stored = r->http_status / 100 == 2 && x->n_unwanted > ERROR_BODY_MAX;
    if (code == CURLE_OK || refused || stored) {
        judge_status(x, r->http_status);
    } else {
        judge_failure(x, code);
    }
    curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &location);
    if (r->outcome == RF_FETCH_REFUSED && location != NULL) {
        *ret_location = rf_strdup(location);
    }
}

static void exchange_here(const rf_fetch_call *call, const char *url, char **ret_location)
{
    rf_fetch_request x = {.call = call, .easy = curl_easy_init()};
    CURLM *multi = curl_multi_init();
    /* No "Expect: 100-continue": it would cost a second with servers that do not know it. */
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    if (x.easy == NULL || multi == NULL || headers == NULL) {
        rf_fetch_end(call->result, RF_FETCH_LOCAL, -ENOMEM, "out of memory");
    } else {
        rf_fetch_request_guard(&x, url);
        rf_fetch_request_limits(&x);
        rf_fetch_request_http(&x, headers);
        set_direction(&x);
        curl_multi_add_handle(multi, x.easy);
        rf_fetch_request_judge(&x, perform(&x, multi), ret_location);
        curl_multi_remove_handle(multi, x.easy);
    }
    curl_easy_cleanup(x.easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
}

void rf_fetch_exchange(const rf_fetch_call *call, const char *url, char **ret_location)
{
    rf_sigpipe guard;
    rf_sigpipe_begin(&guard);
    exchange_here(call, url, ret_location);
    rf_sigpipe_end(&guard);
}
