/*
 * The way of bytes through gateway_http and what reads its requests. The first byte of the input
 * says in which pieces the rest arrives; framing must not depend on that, so that each input is
 * read whole as well and both readings are compared.
 */
#include "gateway_http.h"
#include "gateway_json.h"
#include "gateway_new_job.h"
#include "gateway_query.h"
#include "gateway_recorder_ask.h"
#include "gateway_routes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct reading {
    int err;
    size_t used;
    size_t n_body;
    uint32_t sum;
} reading;

static int take(void *user, const char *data, size_t len)
{
    reading *r = user;
    r->n_body += len;
    for (size_t i = 0; i < len; i++) {
        r->sum = r->sum * 31 + (uint8_t)data[i];
    }
    return 0;
}

/* A refusal always names a field; text is terminated. */
static void use_query(const char *query, size_t len)
{
    static gateway_recorder_ask ask;
    gateway_recorder_fault fault;
    for (unsigned route = GATEWAY_RECORDER_LIST; route <= GATEWAY_RECORDER_NOTHING; route *= 2) {
        int err =
            gateway_recorder_ask_read(query, len, (gateway_recorder_route)route, &ask, &fault);
        if ((err < 0) != (fault.field[0] != '\0') || strlen(ask.prefix) >= sizeof(ask.prefix) ||
            ask.n_matrix > GATEWAY_RECORDER_GAINS_MAX) {
            abort();
        }
    }
}

static void use_request(const gateway_request *req)
{
    char path[GATEWAY_PATH_MAX];
    char id[RF_UUID_LEN] = "";
    char name[GATEWAY_NAME_MAX] = "";
    char value[256];
    uint8_t digest[32];
    uint64_t first;
    uint64_t last;
    const gateway_route *route;
    use_query(gateway_request_str(req, req->query), req->query.len);
    int prefixed = gateway_routes_path(gateway_request_str(req, req->path), req->path.len, path);
    if (prefixed >= 0) {
        gateway_routes_find(req->method, path, prefixed > 0, &route, id, name);
    }
    if (gateway_request_header(req, GATEWAY_H_RANGE, value, sizeof(value)) > 0) {
        gateway_query_range(value, 1000, &first, &last);
    }
    if (gateway_request_header(req, GATEWAY_H_CONTENT_DIGEST, value, sizeof(value)) > 0) {
        gateway_query_digest(value, digest);
    }
}

/* One message of text, arriving in pieces of step bytes, each in memory of its own size, so that a
 * read beyond it is found. */
static reading read_message(const char *text, size_t len, size_t step)
{
    gateway_http h;
    gateway_request req;
    reading r = {.err = 0};
    ssize_t head = 0;
    gateway_http_reset(&h, &req);
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, text, len);
    for (size_t have = 0; head == 0 && have < len;) {
        have = RF_MIN(have + step, len);
        head = gateway_http_head(&h, copy, have);
    }
    if (head > 0) {
        use_request(&req);
        r.used = (size_t)head;
    }
    while (head > 0 && !gateway_http_done(&h) && r.used < len && r.err == 0) {
        size_t n = RF_MIN(step, len - r.used);
        ssize_t took = gateway_http_body(&h, copy + r.used, n, take, &r);
        r.err = took < 0 ? (int)took : 0;
        r.used += took > 0 ? (size_t)took : 0;
    }
    r.err = head < 0 ? (int)head : r.err;
    free(copy);
    return r;
}

static void read_json(const char *text, size_t len)
{
    gateway_new_job_form form;
    gateway_error error;
    char *copy = rf_strndup(text, len);
    if (strlen(copy) == len) {
        gateway_new_job_read(&form, copy, len, &error);
        gateway_new_job_done(&form);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    if (data[0] == 0) {
        read_json(text, size - 1);
        return 0;
    }
    reading whole = read_message(text, size - 1, SIZE_MAX / 2);
    reading parts = read_message(text, size - 1, data[0]);
    if ((whole.err < 0) != (parts.err < 0)) {
        abort();
    }
    if (whole.err == 0 &&
        (whole.used != parts.used || whole.n_body != parts.n_body || whole.sum != parts.sum)) {
        abort();
    }
    return 0;
}
