#include "cli_http.h"

#include "rf_buf.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_MAX_BYTES (64u << 20)
#define REFUSAL_MAX_BYTES 4096
#define CONNECT_TIMEOUT_S 5L
#define POST_TIMEOUT_S 20L /* as the platform waits for a receiver */
#define BAR_WIDTH 30

struct cli_http {
    const cli_server *server;
    CURL *curl;
    char error[CURL_ERROR_SIZE];
};

RF_DEFINE_CLEANUP(struct curl_slist, slist, curl_slist_free_all)
RF_DEFINE_CLEANUP(FILE, file, (void)fclose)

cli_http *cli_http_new(const cli_server *server)
{
    cli_http *h = RF_NEW(cli_http);
    h->server = server;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    h->curl = curl_easy_init();
    if (h->curl == NULL) {
        abort();
    }
    return h;
}

cli_http *cli_http_free(cli_http *h)
{
    if (h != NULL) {
        curl_easy_cleanup(h->curl);
        free(h);
    }
    return NULL;
}

/* Forgets the last request's options but keeps the connection. */
static void begin(cli_http *h, const char *url)
{
    curl_easy_reset(h->curl);
    h->error[0] = '\0';
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (h->server->ca_file != NULL) {
        curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->server->ca_file);
    }
}

static size_t append_body(char *data, size_t size, size_t n, void *user)
{
    return rf_buf_append(user, data, size * n) == 0 ? size * n : 0;
}

static int unreachable(const cli_http *h, CURLcode code)
{
    bool trust = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    return cli_fail(CLI_UNREACHABLE, "%s: %s%s", h->server->url,
                    h->error[0] != '\0' ? h->error : curl_easy_strerror(code),
                    trust ? "; set REFLECTION_CA_FILE to the platform's CA"
                          : "; is the platform running? `reflection up` starts it");
}

static int perform(cli_http *h, long *ret_status)
{
    CURLcode code = curl_easy_perform(h->curl);
    if (code != CURLE_OK) {
        return unreachable(h, code);
    }
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return CLI_OK;
}

/* Reports an answer that is not a success, by the message of its error body where it has one. */
static int refused(long status, const char *body)
{
    json_t *json = json_loads(body, 0, NULL);
    const char *message = json_string_value(json_object_get(json, "message"));
    message = message != NULL ? message : json_string_value(json_object_get(json, "error"));
    const json_t *there = json_object_get(json, "available");
    char frames[96] = "";
    if (json_is_object(there)) {
        (void)snprintf(frames, sizeof(frames), "; there are frames %lld to %lld",
                       (long long)json_integer_value(json_object_get(there, "from_frame")),
                       (long long)json_integer_value(json_object_get(there, "to_frame")));
    }
    int code = status == 401 ? CLI_DENIED : CLI_FAILED;
    cli_fail(code, "%s%s (HTTP %ld)%s", message != NULL ? message : "the request was refused",
             frames, status,
             status == 401 ? "; `reflection keys create` makes a key, REFLECTION_API_KEY gives it"
                           : "");
    json_decref(json);
    return code;
}

static int json_answer(cli_http *h, rf_buf *body, json_t **ret_json)
{
    long status = 0;
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, body);
    int code = perform(h, &status);
    if (code != CLI_OK) {
        return code;
    }
    if (status != 200) {
        return refused(status, rf_buf_str(body));
    }
    json_error_t error;
    *ret_json = json_loads(rf_buf_str(body), JSON_DECODE_ANY, &error);
    return *ret_json == NULL ? cli_fail(CLI_FAILED, "the answer is not JSON: %s", error.text)
                             : CLI_OK;
}

/* A request of the API, with a body when text is not NULL. The caller sets and frees the headers.
 */
static struct curl_slist *begin_api(cli_http *h, const char *path, const char *text)
{
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("%s/v1%s", h->server->url, path);
    RF_CLEANUP(rf_cleanup_free)
    char *auth = rf_asprintf("Authorization: %s", h->server->key != NULL ? h->server->key : "");
    struct curl_slist *headers = curl_slist_append(NULL, auth);
    begin(h, url);
    if (text != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, text);
    }
    return headers;
}

int cli_http_json(cli_http *h, const char *method, const char *path, const json_t *body,
                  json_t **ret_json)
{
    RF_CLEANUP(rf_cleanup_free) char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    RF_CLEANUP(rf_cleanup_slist) struct curl_slist *headers = begin_api(h, path, text);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, method);
    rf_buf answer;
    rf_buf_init(&answer, BODY_MAX_BYTES);
    int code = json_answer(h, &answer, ret_json);
    rf_buf_done(&answer);
    return code;
}

static int draw_bar(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                    curl_off_t up)
{
    curl_off_t total = up_total > 0 ? up_total : down_total;
    curl_off_t done = up_total > 0 ? up : down;
    if (total > 0) {
        int filled = (int)(done * BAR_WIDTH / total);
        fprintf(stderr, "\r%s [%.*s%*s] %3d %%", (const char *)user, filled,
                "##############################", BAR_WIDTH - filled, "",
                (int)(done * 100 / total));
    }
    return 0;
}

static void show_bar(cli_http *h, const char *label)
{
    if (isatty(STDERR_FILENO)) {
        curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, draw_bar);
        curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, label);
    }
}

static void end_bar(void)
{
    if (isatty(STDERR_FILENO)) {
        fputs("\r\033[K", stderr);
    }
}

char *cli_http_escape(cli_http *h, const char *text)
{
    char *escaped = curl_easy_escape(h->curl, text, 0);
    char *copy = rf_strdup(escaped != NULL ? escaped : "");
    curl_free(escaped);
    return copy;
}

int cli_http_put_file(cli_http *h, const char *url, const char *path)
{
    RF_CLEANUP(rf_cleanup_file) FILE *file = fopen(path, "rbe");
    struct stat st;
    if (file == NULL || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode)) {
        return cli_fail(CLI_FAILED, "%s: %s", path,
                        file == NULL ? strerror(errno) : "not a regular file");
    }
    rf_buf answer;
    rf_buf_init(&answer, BODY_MAX_BYTES);
    long status = 0;
    begin(h, url);
    curl_easy_setopt(h->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(h->curl, CURLOPT_READDATA, file);
    curl_easy_setopt(h->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)st.st_size);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &answer);
    show_bar(h, "upload  ");
    int code = perform(h, &status);
    end_bar();
    if (code == CLI_OK && status != 200) {
        code = refused(status, rf_buf_str(&answer));
    }
    rf_buf_done(&answer);
    return code;
}

int cli_http_get_text(cli_http *h, const char *url, char **ret_text)
{
    rf_buf answer;
    rf_buf_init(&answer, BODY_MAX_BYTES);
    long status = 0;
    begin(h, url);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &answer);
    int code = perform(h, &status);
    if (code == CLI_OK && status != 200) {
        code = refused(status, rf_buf_str(&answer));
    }
    if (code == CLI_OK) {
        *ret_text = rf_buf_steal(&answer);
    }
    rf_buf_done(&answer);
    return code;
}

/* The answer of the request that was prepared, written to file. A refusal is told by its body. */
static int receive(cli_http *h, FILE *file)
{
    long status = 0;
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, file);
    show_bar(h, "download");
    int code = perform(h, &status);
    end_bar();
    if (code != CLI_OK || status == 200) {
        return code;
    }
    char body[REFUSAL_MAX_BYTES];
    rewind(file);
    body[fread(body, 1, sizeof(body) - 1, file)] = '\0';
    return refused(status, body);
}

/* The same, atomically, to path. */
static int receive_file(cli_http *h, const char *path)
{
    RF_CLEANUP(rf_cleanup_free) char *temp = rf_asprintf("%s.part", path);
    FILE *file = fopen(temp, "w+be");
    if (file == NULL) {
        return cli_fail(CLI_FAILED, "%s: %s", temp, strerror(errno));
    }
    int code = receive(h, file);
    if (fclose(file) != 0 && code == CLI_OK) {
        code = cli_fail(CLI_FAILED, "%s: %s", temp, strerror(errno));
    }
    if (code == CLI_OK && rename(temp, path) < 0) {
        code = cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
    }
    if (code != CLI_OK) {
        unlink(temp);
    }
    return code;
}

int cli_http_get_file(cli_http *h, const char *url, const char *path)
{
    begin(h, url);
    return receive_file(h, path);
}

int cli_http_get_api_file(cli_http *h, const char *path, const char *file)
{
    RF_CLEANUP(rf_cleanup_slist) struct curl_slist *headers = begin_api(h, path, NULL);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    return receive_file(h, file);
}

int cli_http_post_file(cli_http *h, const char *path, const json_t *body, const char *file,
                       const char *header, char ret_value[CLI_HTTP_VALUE_MAX])
{
    RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(body, JSON_COMPACT);
    RF_CLEANUP(rf_cleanup_slist) struct curl_slist *headers = begin_api(h, path, text);
    struct curl_header *found = NULL;
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    int code = receive_file(h, file);
    bool has = code == CLI_OK &&
               curl_easy_header(h->curl, header, 0, CURLH_HEADER, -1, &found) == CURLHE_OK;
    rf_copy_str(ret_value, CLI_HTTP_VALUE_MAX, has ? found->value : "");
    return code;
}

/* What an event stream gives: its events, or the body of a refusal. */
typedef struct listening {
    cli_http *h;
    cli_http_text_fn fn;
    void *user;
    rf_buf refusal;
} listening;

static size_t take_events(char *data, size_t size, size_t n, void *user)
{
    listening *l = user;
    long status = 0;
    curl_easy_getinfo(l->h->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        return rf_buf_append(&l->refusal, data, size * n) == 0 ? size * n : 0;
    }
    l->fn(l->user, data, size * n);
    return size * n;
}

static int listen_to(listening *l, bool quiet, long *ret_status)
{
    CURLcode code = curl_easy_perform(l->h->curl);
    curl_easy_getinfo(l->h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    if (*ret_status == 200 || *ret_status == 204) {
        return CLI_OK;
    }
    if (quiet && (*ret_status == 0 || *ret_status == 503)) {
        return CLI_UNREACHABLE;
    }
    return *ret_status == 0 ? unreachable(l->h, code)
                            : refused(*ret_status, rf_buf_str(&l->refusal));
}

int cli_http_listen(cli_http *h, const char *path, const char *last_id, bool quiet,
                    cli_http_text_fn fn, void *user, long *ret_status)
{
    RF_CLEANUP(rf_cleanup_slist) struct curl_slist *headers = begin_api(h, path, NULL);
    RF_CLEANUP(rf_cleanup_free) char *last = rf_asprintf("Last-Event-ID: %s", last_id);
    listening l = {.h = h, .fn = fn, .user = user};
    if (last_id[0] != '\0') {
        headers = curl_slist_append(headers, last);
    }
    rf_buf_init(&l.refusal, REFUSAL_MAX_BYTES);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take_events);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &l);
    int code = listen_to(&l, quiet, ret_status);
    rf_buf_done(&l.refusal);
    return code;
}

int cli_http_post(cli_http *h, const char *url, const char *const *headers, size_t n,
                  const char *body, long *ret_status)
{
    RF_CLEANUP(rf_cleanup_slist) struct curl_slist *list = NULL;
    rf_buf answer;
    for (size_t i = 0; i < n; i++) {
        list = curl_slist_append(list, headers[i]);
    }
    rf_buf_init(&answer, REFUSAL_MAX_BYTES);
    begin(h, url);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, POST_TIMEOUT_S);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &answer);
    CURLcode code = curl_easy_perform(h->curl);
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    rf_buf_done(&answer);
    return *ret_status != 0 ? CLI_OK
                            : cli_fail(CLI_UNREACHABLE, "%s: %s", url,
                                       h->error[0] != '\0' ? h->error : curl_easy_strerror(code));
}

int cli_http_upload(cli_http *h, const char *path, char **ret_url)
{
    json_t *upload = NULL;
    int code = cli_http_json(h, "GET", "/upload", NULL, &upload);
    if (code == CLI_OK) {
        const char *put = json_string_value(json_object_get(upload, "uploadUrl"));
        const char *get = json_string_value(json_object_get(upload, "downloadUrl"));
        code = put == NULL || get == NULL ? cli_fail(CLI_FAILED, "the upload answer has no URLs")
                                          : cli_http_put_file(h, put, path);
        if (code == CLI_OK) {
            *ret_url = rf_strdup(get);
        }
    }
    json_decref(upload);
    return code;
}
