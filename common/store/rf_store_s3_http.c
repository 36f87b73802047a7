#include "rf_store_s3.h"

#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_sigpipe.h"
#include "rf_time.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 10000
#define LOW_SPEED_BYTES_S 4096
#define MAX_TRIES 12
#define FIRST_DELAY_MS 100
#define LAST_DELAY_MS 5000
#define IDLE_MAX 16 /* handles, each with its connections */
#define URL_MAX (32u << 10)

struct rf_s3_http {
    const rf_s3_config *config;
    rf_s3_keychain *chain;
    pthread_mutex_t mutex;
    CURL *idle[IDLE_MAX]; /* guarded by mutex */
    size_t n_idle;
};

/* One try of a request. */
typedef struct exchange {
    const rf_s3_http *http;
    const rf_s3_request *request;
    rf_s3_answer *answer;
    CURL *easy;
    struct curl_slist *headers;
    bool overflow;
    char error[CURL_ERROR_SIZE];
} exchange;

/* ---- handles ---- */

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

rf_s3_http *rf_s3_http_new(const rf_s3_config *config, rf_s3_keychain *chain)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    rf_s3_http *http = RF_NEW(rf_s3_http);
    *http = (rf_s3_http){.config = config, .chain = chain};
    pthread_mutex_init(&http->mutex, NULL);
    return http;
}

rf_s3_http *rf_s3_http_free(rf_s3_http *http)
{
    if (http != NULL) {
        for (size_t i = 0; i < http->n_idle; i++) {
            curl_easy_cleanup(http->idle[i]);
        }
        pthread_mutex_destroy(&http->mutex);
        free(http);
    }
    return NULL;
}

static CURL *take_handle(rf_s3_http *http)
{
    pthread_mutex_lock(&http->mutex);
    CURL *easy = http->n_idle > 0 ? http->idle[--http->n_idle] : NULL;
    pthread_mutex_unlock(&http->mutex);
    easy = easy != NULL ? easy : curl_easy_init();
    if (easy == NULL) {
        abort(); /* as rf_alloc does for small needs */
    }
    return easy;
}

/* Its connections stay open for the next one. */
static void give_handle(rf_s3_http *http, CURL *easy)
{
    curl_easy_reset(easy);
    pthread_mutex_lock(&http->mutex);
    bool keep = http->n_idle < IDLE_MAX;
    if (keep) {
        http->idle[http->n_idle++] = easy;
    }
    pthread_mutex_unlock(&http->mutex);
    if (!keep) {
        curl_easy_cleanup(easy);
    }
}

/* ---- what comes ---- */

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    exchange *x = user;
    rf_s3_answer_header(x->answer, line, size * n);
    return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    exchange *x = user;
    size_t len = size * n;
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2 || x->request->into == NULL) {
        x->overflow = rf_buf_append(&x->answer->body, data, len) < 0;
        return x->overflow ? 0 : len;
    }
    if (len > x->request->into_size - x->answer->n_into) {
        x->overflow = true;
        return 0;
    }
    memcpy((char *)x->request->into + x->answer->n_into, data, len);
    x->answer->n_into += len;
    return len;
}

/* ---- what goes ---- */

static void add_header(exchange *x, const char *line)
{
    struct curl_slist *list = curl_slist_append(x->headers, line);
    if (list == NULL) {
        abort();
    }
    x->headers = list;
}

/* What is in this list is signed: the name in lower case, a value in every line. */
static void set_headers(exchange *x, const rf_s3_keys *keys)
{
    const rf_s3_request *r = x->request;
    uint8_t hash[RF_SHA256_LEN];
    char line[32 + sizeof(keys->token)];
    int n = snprintf(line, sizeof(line), "x-amz-content-sha256: ");
    rf_sha256_of(r->body, r->body_len, hash);
    rf_hex(hash, sizeof(hash), line + n);
    add_header(x, line);
    if (keys->token[0] != '\0') {
        snprintf(line, sizeof(line), "x-amz-security-token: %s", keys->token);
        add_header(x, line);
        explicit_bzero(line, sizeof(line));
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(r->headers) && r->headers[i] != NULL; i++) {
        add_header(x, r->headers[i]);
    }
    if (r->body != NULL) {
        add_header(x, "content-type: application/octet-stream");
    }
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_url(const exchange *x)
{
    rf_buf url;
    const rf_s3_config *c = x->http->config;
    rf_buf_init(&url, URL_MAX);
    (void)rf_buf_printf(&url, "%s://", c->scheme);
    rf_s3_host(c, &url);
    rf_s3_location(c, x->request->key, &url);
    if (x->request->query != NULL) {
        (void)rf_buf_printf(&url, "?%s", x->request->query);
    }
    curl_easy_setopt(x->easy, CURLOPT_URL, rf_buf_str(&url));
    rf_buf_done(&url);
}

static void set_signature(const exchange *x, const rf_s3_keys *keys)
{
    char provider[300];
    snprintf(provider, sizeof(provider), "aws:amz:%.200s:s3", x->http->config->region);
    curl_easy_setopt(x->easy, CURLOPT_AWS_SIGV4, provider);
    curl_easy_setopt(x->easy, CURLOPT_USERNAME, keys->access);
    curl_easy_setopt(x->easy, CURLOPT_PASSWORD, keys->secret);
}

static void set_method(const exchange *x)
{
    const rf_s3_request *r = x->request;
    if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
    } else if (r->body != NULL) {
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, r->body);
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    }
    if (strcmp(r->method, "HEAD") != 0 && strcmp(r->method, "GET") != 0) {
        curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, r->method);
    }
    curl_easy_setopt(x->easy, CURLOPT_RANGE, r->range);
}

static void set_limits(const exchange *x, int64_t left_ms)
{
    const rf_s3_config *c = x->http->config;
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)RF_MIN(left_ms, CONNECT_MS));
    if (!x->request->is_patient) {
        curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES_S);
        curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME, (long)(c->slow_ms / 1000));
    }
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(x->easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver that hangs */
}

/* The settings decide where it goes, not the environment. */
static void set_connection(exchange *x)
{
    const rf_s3_config *c = x->http->config;
    curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(x->easy, CURLOPT_PATH_AS_IS, 1L); /* what it is signed as */
    curl_easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(x->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(x->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "reflection");
    if (c->ca_file != NULL) {
        curl_easy_setopt(x->easy, CURLOPT_CAINFO, c->ca_file);
        curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
}

static CURLcode perform(CURL *easy)
{
    rf_sigpipe guard;
    rf_sigpipe_begin(&guard);
    CURLcode code = curl_easy_perform(easy);
    rf_sigpipe_end(&guard);
    return code;
}

/* ---- one try ---- */

static int error_of_curl(const exchange *x, CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return -EKEYREJECTED;
    default:
        return x->overflow ? -EPROTO : -EHOSTUNREACH;
    }
}

static int judge(exchange *x, CURLcode code)
{
    long status = 0;
    rf_s3_answer *a = x->answer;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    a->status = (int)status;
    /* A refusal stands, even when the body that it refuses was still being sent. */
    if (code != CURLE_OK && (status < 400 || code == CURLE_OPERATION_TIMEDOUT)) {
        a->code[0] = '\0';
        (void)rf_copy_str(a->message, sizeof(a->message),
                          x->error[0] != '\0' ? x->error : curl_easy_strerror(code));
        return error_of_curl(x, code);
    }
    if (status == 400 && strcmp(x->request->method, "HEAD") == 0) {
        return -EACCES; /* an expired session: what else is wrong with it would have shown before */
    }
    rf_s3_answer_error(a);
    return rf_s3_error_of(a);
}

static int try_once(rf_s3_http *http, const rf_s3_request *request, int64_t left_ms,
                    rf_s3_answer *answer)
{
    rf_s3_keys keys;
    const char *why = NULL;
    rf_s3_answer_init(answer);
    if (rf_s3_keychain_get(http->chain, &keys, &why) < 0) {
        (void)rf_copy_str(answer->message, sizeof(answer->message), why);
        return -EACCES;
    }
    exchange x = {.http = http, .request = request, .answer = answer, .easy = take_handle(http)};
    set_connection(&x);
    set_limits(&x, left_ms);
    set_url(&x);
    set_method(&x);
    set_signature(&x, &keys);
    set_headers(&x, &keys);
    explicit_bzero(&keys, sizeof(keys));
    int err = judge(&x, perform(x.easy));
    give_handle(http, x.easy);
    curl_slist_free_all(x.headers);
    return err;
}

/* ---- tries ---- */

/* Waits before try n + 1; false when the time does not allow one. */
static bool wait_for_retry(int n, const rf_s3_answer *a, int64_t until_ns)
{
    int64_t most_ms = RF_MIN((int64_t)FIRST_DELAY_MS << n, (int64_t)LAST_DELAY_MS);
    int64_t delay_ms = a->retry_after_ms + (int64_t)rf_random_u64((uint64_t)most_ms);
    if (n >= MAX_TRIES || rf_time_ns() + delay_ms * RF_NS_PER_MS >= until_ns) {
        return false;
    }
    (void)poll(NULL, 0, (int)delay_ms);
    return true;
}

/* A refusal of keys that have been renewed since is none. */
static bool may_retry(rf_s3_http *http, int err, unsigned generation)
{
    return err == -EAGAIN || err == -EHOSTUNREACH || err == -ETIMEDOUT ||
           (err == -EACCES && rf_s3_keychain_generation(http->chain) != generation);
}

int rf_s3_do(rf_s3_http *http, const rf_s3_request *request, rf_s3_answer *ret)
{
    int64_t most_ms = http->config->timeout_ms;
    most_ms = request->most_ms > 0 ? RF_MIN(most_ms, request->most_ms) : most_ms;
    int64_t until_ns = rf_time_ns() + most_ms * RF_NS_PER_MS;
    unsigned generation = 0;
    int n = 0;
    int err = 0;
    rf_s3_answer_init(ret);
    do {
        rf_s3_answer answer;
        int64_t left_ms = (until_ns - rf_time_ns()) / RF_NS_PER_MS;
        generation = rf_s3_keychain_generation(http->chain);
        int now = try_once(http, request, RF_MAX(left_ms, 1), &answer);
        if (now == -ETIMEDOUT && n > 0 && rf_time_ns() >= until_ns) {
            rf_s3_answer_done(&answer); /* cut by the end: those before it say what is wrong */
            break;
        }
        rf_s3_answer_done(ret);
        *ret = answer;
        err = now;
        n++;
    } while (may_retry(http, err, generation) && wait_for_retry(n, ret, until_ns));
    if (!rf_s3_error_is_ordinary(err)) {
        rf_s3_error_log(http->config, request, ret, err, n);
    }
    return err == -EAGAIN ? -EIO : err;
}
