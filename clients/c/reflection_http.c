#include "reflection_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_MAX 8192
#define LENGTH_LINE_MAX 64 /* of a chunk's length with its extensions */

/* What is read of the answer, and where its body goes. */
typedef struct reader {
    const reflection_request *q;
    reflection_net *net;
    reflection_early in;
    size_t at; /* [at, in.len) is not used yet */
    reflection_sink sink;
    void *user;
    char *kept; /* without a sink */
    size_t n_kept;
} reader;

/* ---- the request ---- */

static int send_request(reflection_net *net, const reflection_request *q, int64_t deadline_ns,
                        reflection_jam_fault *fault)
{
    char head[REQUEST_MAX];
    const bool has_key = q->key != NULL && q->key[0] != '\0';
    const size_t n_body = q->body == NULL ? 0 : strlen(q->body);
    if (has_key && !reflection_head_is_text(q->key)) {
        return reflection_fail(fault, -EINVAL, "key: holds a control character");
    }
    const int len = snprintf(
        head, sizeof(head),
        "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n"
        "User-Agent: libreflection\r\nContent-Length: %zu\r\n%s%s%s%s\r\n",
        q->method, q->path, q->url->is_ip6 ? "[" : "", q->url->host, q->url->is_ip6 ? "]" : "",
        q->url->port, n_body, q->body != NULL ? "Content-Type: application/json\r\n" : "",
        has_key ? "Authorization: Bearer " : "", has_key ? q->key : "", has_key ? "\r\n" : "");
    if (len < 0 || (size_t)len >= sizeof(head)) {
        return reflection_fail(fault, -EINVAL, "key: path and key are longer than %d bytes",
                               REQUEST_MAX);
    }
    int err = reflection_head_send(net, head, (size_t)len, deadline_ns, fault);
    return err == 0 && n_body > 0 ? reflection_head_send(net, q->body, n_body, deadline_ns, fault)
                                  : err;
}

/* ---- the body ---- */

/* Something to use: 1, 0 at the end of the stream, or an error. */
static int fill(reader *r)
{
    if (r->at < r->in.len) {
        return 1;
    }
    r->at = 0;
    r->in.len = 0;
    return reflection_head_more(r->net, &r->in, reflection_deadline_ns(r->q->timeout_ms));
}

static int keep(reader *r, const void *data, size_t len)
{
    if (len > REFLECTION_BODY_MAX - r->n_kept) {
        return -EMSGSIZE;
    }
    char *grown = realloc(r->kept, r->n_kept + len + 1);
    if (grown == NULL) {
        return -ENOMEM;
    }
    memcpy(grown + r->n_kept, data, len);
    r->kept = grown;
    r->n_kept += len;
    grown[r->n_kept] = '\0';
    return 0;
}

/* Hands on up to len bytes of what is there: how many, 0 at the end of the stream, or an error. */
static int64_t hand_on(reader *r, uint64_t len)
{
    int n = fill(r);
    if (n <= 0) {
        return n;
    }
    const size_t there = r->in.len - r->at;
    const size_t part = len < there ? (size_t)len : there;
    const uint8_t *data = r->in.data + r->at;
    int err = r->sink == NULL                     ? keep(r, data, part)
              : r->sink(r->user, data, part) != 0 ? -ECANCELED
                                                  : 0;
    r->at += part;
    return err < 0 ? err : (int64_t)part;
}

static int hand_on_all(reader *r, uint64_t len)
{
    while (len > 0) {
        int64_t n = hand_on(r, len);
        if (n <= 0) {
            return n == 0 ? -ECONNRESET : (int)n;
        }
        len -= (uint64_t)n;
    }
    return 0;
}

/* A line without its end. */
static int read_line(reader *r, char ret[LENGTH_LINE_MAX])
{
    for (size_t n = 0; n < LENGTH_LINE_MAX;) {
        int err = fill(r);
        if (err <= 0) {
            return err == 0 ? -ECONNRESET : err;
        }
        const char c = (char)r->in.data[r->at++];
        if (c == '\n') {
            ret[n > 0 && ret[n - 1] == '\r' ? n - 1 : n] = '\0';
            return 0;
        }
        ret[n++] = c;
    }
    return -EPROTO;
}

static int read_chunks(reader *r)
{
    char line[LENGTH_LINE_MAX];
    for (;;) {
        int err = read_line(r, line);
        const size_t digits = strspn(line, "0123456789abcdefABCDEF");
        if (err < 0 || digits == 0 || digits > 15) {
            return err < 0 ? err : -EPROTO;
        }
        const uint64_t len = strtoull(line, NULL, 16);
        if (len == 0) {
            return 0; /* trailers end with the connection */
        }
        err = hand_on_all(r, len);
        err = err == 0 ? read_line(r, line) : err;
        if (err < 0 || line[0] != '\0') {
            return err < 0 ? err : -EPROTO;
        }
    }
}

static int read_to_end(reader *r)
{
    int64_t n = 1;
    while (n > 0) {
        n = hand_on(r, UINT64_MAX);
    }
    return (int)n;
}

static int read_body(reader *r, const reflection_answer *a)
{
    char coding[16];
    char length[24];
    reflection_head_value(a->head, "Transfer-Encoding", coding, sizeof(coding));
    reflection_head_value(a->head, "Content-Length", length, sizeof(length));
    if (a->status == 204 || a->status == 304) {
        return 0;
    }
    if (strcasecmp(coding, "chunked") == 0) {
        return read_chunks(r);
    }
    if (length[0] == '\0') {
        return read_to_end(r);
    }
    const size_t digits = strspn(length, "0123456789");
    return digits == strlen(length) && digits < 19 ? hand_on_all(r, strtoull(length, NULL, 10))
                                                   : -EPROTO;
}

/* ---- the whole ---- */

static int read_answer(reader *r, int64_t deadline_ns, reflection_answer *ret,
                       reflection_jam_fault *fault)
{
    ssize_t len = reflection_head_read(r->net, &r->in, deadline_ns);
    ret->head = len < 0 ? NULL : strndup((const char *)r->in.data, (size_t)len);
    if (ret->head == NULL) {
        int err = len < 0 ? (int)len : -ENOMEM;
        return reflection_fail(fault, err, "no answer: %s", strerror(-err));
    }
    ret->status = reflection_head_status(ret->head);
    if (ret->status < 0) {
        return reflection_fail(fault, -EPROTO, "the server does not speak HTTP");
    }
    r->at = (size_t)len;
    r->sink = ret->status == 200 ? r->q->sink : NULL;
    r->user = r->q->user;
    int err = read_body(r, ret);
    return err == 0 ? 0 : reflection_fail(fault, err, "the answer was cut: %s", strerror(-err));
}

int reflection_http_call(const reflection_request *q, reflection_answer *ret,
                         reflection_jam_fault *fault)
{
    const int64_t deadline_ns = reflection_deadline_ns(q->timeout_ms);
    reflection_answer answer = {0};
    reader *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    r->q = q;
    int err = reflection_net_open(q->url, q->ca_file, deadline_ns, &r->net, fault);
    err = err == 0 ? send_request(r->net, q, deadline_ns, fault) : err;
    err = err == 0 ? read_answer(r, deadline_ns, &answer, fault) : err;
    answer.body = r->kept != NULL ? r->kept : strdup("");
    if (err == 0 && answer.body == NULL) {
        err = reflection_fail(fault, -ENOMEM, "no memory");
    }
    reflection_net_close(r->net);
    free(r);
    if (err < 0) {
        reflection_answer_done(&answer);
        return err;
    }
    *ret = answer;
    return 0;
}

void reflection_answer_done(reflection_answer *a)
{
    free(a->head);
    free(a->body);
    *a = (reflection_answer){0};
}
