#include "gateway_http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define VERSION_LEN 8 /* "HTTP/1.1" */

static const struct {
    const char *name;
    size_t len;
} header_names[GATEWAY_N_HEADERS] = {
#define NAME(id, text) [GATEWAY_H_##id] = {text, sizeof(text) - 1}
    NAME(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method"),
    NAME(AUTHORIZATION, "authorization"),
    NAME(CONTENT_DIGEST, "content-digest"),
    NAME(CONTENT_ENCODING, "content-encoding"),
    NAME(CONTENT_TYPE, "content-type"),
    NAME(EXPECT, "expect"),
    NAME(HOST, "host"),
    NAME(IDEMPOTENCY_KEY, "idempotency-key"),
    NAME(IF_RANGE, "if-range"),
    NAME(LAST_EVENT_ID, "last-event-id"),
    NAME(ORIGIN, "origin"),
    NAME(RANGE, "range"),
    NAME(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions"),
    NAME(SEC_WEBSOCKET_KEY, "sec-websocket-key"),
    NAME(SEC_WEBSOCKET_VERSION, "sec-websocket-version"),
    NAME(TRACEPARENT, "traceparent"),
    NAME(TRANSFER_ENCODING, "transfer-encoding"),
    NAME(UPGRADE, "upgrade"),
    NAME(X_REQUEST_ID, "x-request-id"),
#undef NAME
};

static gateway_http *owner(llhttp_t *parser)
{
    return parser->data;
}

static int fail(gateway_http *h, int err)
{
    h->err = h->err != 0 ? h->err : err;
    return -1;
}

static gateway_span span_of(const gateway_request *req, const char *at, size_t len)
{
    return (gateway_span){.at = (uint16_t)(at - req->head), .len = (uint16_t)len, .present = true};
}

/* ---- request target ---- */

/* Skips "http://authority" of an absolute-form target (RFC 9112 section 3.2.2). */
static const char *skip_authority(const char *at, const char *end)
{
    size_t len = (size_t)(end - at);
    size_t scheme = 0;
    if (len >= 7 && strncasecmp(at, "http://", 7) == 0) {
        scheme = 7;
    } else if (len >= 8 && strncasecmp(at, "https://", 8) == 0) {
        scheme = 8;
    }
    if (scheme == 0) {
        return at;
    }
    at += scheme;
    while (at < end && *at != '/' && *at != '?') {
        at++;
    }
    return at;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    gateway_http *h = owner(parser);
    const char *end = at + len;
    if (len > GATEWAY_LINE_MAX_BYTES) {
        return fail(h, -ENAMETOOLONG);
    }
    if (memchr(at, '#', len) != NULL) {
        return fail(h, -EBADMSG);
    }
    const char *path = skip_authority(at, end);
    const char *mark = memchr(path, '?', (size_t)(end - path));
    const char *path_end = mark != NULL ? mark : end;
    h->req->path = span_of(h->req, path, (size_t)(path_end - path));
    h->req->query = mark != NULL ? span_of(h->req, mark + 1, (size_t)(end - mark - 1))
                                 : span_of(h->req, end, 0);
    return 0;
}

const char *gateway_method_name(gateway_method method)
{
    switch (method) {
    case GATEWAY_GET:
        return "GET";
    case GATEWAY_HEAD:
        return "HEAD";
    case GATEWAY_POST:
        return "POST";
    case GATEWAY_PUT:
        return "PUT";
    case GATEWAY_DELETE:
        return "DELETE";
    default:
        return "other";
    }
}

static gateway_method method_of(uint8_t method)
{
    switch (method) {
    case HTTP_GET:
        return GATEWAY_GET;
    case HTTP_HEAD:
        return GATEWAY_HEAD;
    case HTTP_POST:
        return GATEWAY_POST;
    case HTTP_PUT:
        return GATEWAY_PUT;
    case HTTP_DELETE:
        return GATEWAY_DELETE;
    case HTTP_OPTIONS:
        return GATEWAY_OPTIONS;
    default:
        return GATEWAY_OTHER;
    }
}

/* A target is a path, "*" for OPTIONS alone, or an absolute URL whose path may be empty. */
static bool target_valid(const gateway_request *req)
{
    const char *path = gateway_request_str(req, req->path);
    if (req->path.len == 0) {
        return req->path.at > 0 && path[-1] != ' ';
    }
    bool asterisk = req->path.len == 1 && path[0] == '*';
    return path[0] == '/' || (asterisk && req->method == GATEWAY_OPTIONS);
}

/* ---- headers ---- */

static int find_header(const char *name, size_t len)
{
    for (int i = 0; i < GATEWAY_N_HEADERS; i++) {
        if (header_names[i].len == len && strncasecmp(header_names[i].name, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

/* Counted here, since the field itself comes in as many pieces as a trailer arrives in. */
static int on_header_field_complete(llhttp_t *parser)
{
    gateway_http *h = owner(parser);
    return ++h->n_headers > GATEWAY_HEADERS_MAX ? fail(h, -EMSGSIZE) : 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    gateway_http *h = owner(parser);
    h->current = h->req->head_len > 0 ? -1 : find_header(at, len); /* trailers are dropped */
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    gateway_http *h = owner(parser);
    if (h->current < 0) {
        return 0;
    }
    gateway_span *slot = &h->req->headers[h->current];
    if (slot->present && h->current == GATEWAY_H_SEC_WEBSOCKET_EXTENSIONS) {
        len = 0; /* a list in parts, each part of which may be declined */
    } else if (slot->present) {
        h->repeated = true; /* none of the others that we read is a list */
    }
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t')) {
        len--;
    }
    *slot = span_of(h->req, at, len);
    return 0;
}

static bool value_is(const gateway_request *req, gateway_header id, const char *text)
{
    gateway_span s = req->headers[id];
    return s.len == strlen(text) && strncasecmp(gateway_request_str(req, s), text, s.len) == 0;
}

/* The last coding must be chunked, and only once (RFC 9112 sections 6.1 and 6.3). We understand no
 * coding before it. */
static int check_transfer_coding(const gateway_request *req)
{
    static const char chunked[] = "chunked";
    const size_t len = sizeof(chunked) - 1;
    gateway_span s = req->headers[GATEWAY_H_TRANSFER_ENCODING];
    const char *text = gateway_request_str(req, s);
    if (!s.present) {
        return 0;
    }
    if (req->http10 || s.len < len || strncasecmp(text + s.len - len, chunked, len) != 0) {
        return -EBADMSG;
    }
    size_t before = s.len - len;
    if (before == 0) {
        return 0;
    }
    bool listed = memchr(", \t", text[before - 1], 3) != NULL && memchr(text, ',', before) != NULL;
    return listed && memmem(text, before, chunked, len) == NULL ? -EOPNOTSUPP : -EBADMSG;
}

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:[]%", c) != NULL);
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1, of the form uri-host [":" port]. */
static int check_host(const gateway_request *req)
{
    gateway_span s = req->headers[GATEWAY_H_HOST];
    const char *text = gateway_request_str(req, s);
    for (size_t i = 0; i < s.len; i++) {
        if (!host_char(text[i])) {
            return -EBADMSG;
        }
    }
    return s.present || req->http10 ? 0 : -EBADMSG;
}

static int check_expect(gateway_request *req)
{
    if (!req->headers[GATEWAY_H_EXPECT].present || req->http10) {
        return 0;
    }
    if (!value_is(req, GATEWAY_H_EXPECT, "100-continue")) {
        return -EBADE;
    }
    req->expect_continue = req->content_length != 0;
    return 0;
}

static int check_head(gateway_http *h)
{
    gateway_request *req = h->req;
    if (h->repeated || !target_valid(req)) {
        return -EBADMSG;
    }
    int err = check_transfer_coding(req);
    err = err == 0 ? check_host(req) : err;
    return err == 0 ? check_expect(req) : err;
}

static int on_headers_complete(llhttp_t *parser)
{
    gateway_http *h = owner(parser);
    gateway_request *req = h->req;
    req->method = method_of(parser->method);
    req->http10 = parser->http_minor == 0;
    req->connection_upgrade = (parser->flags & F_CONNECTION_UPGRADE) != 0;
    bool chunked = (parser->flags & F_CHUNKED) != 0;
    req->content_length = chunked ? -1 : (int64_t)parser->content_length;
    req->keep_alive = llhttp_should_keep_alive(parser) != 0;
    if (req->content_length > INT64_MAX - 1 || (!chunked && req->content_length < 0)) {
        return fail(h, -EBADMSG);
    }
    int err = check_head(h);
    if (err < 0) {
        return fail(h, err);
    }
    parser->upgrade = 0; /* the message is read to its end as HTTP/1.1; gateway_upgrade.h decides */
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    owner(parser)->done = true;
    return HPE_PAUSED;
}

/* ---- guard: line discipline of the head ---- */

/* A request line has two single spaces and ends with the version; other versions of that form are
 * well formed, not served. */
static int check_request_line(const char *line, size_t len)
{
    if (len < VERSION_LEN + 1) {
        return -EBADMSG;
    }
    const char *space = memchr(line, ' ', len);
    const char *v = line + len - VERSION_LEN;
    if (space == NULL || v - 1 <= space + 1 ||
        memchr(space + 1, ' ', (size_t)(v - 1 - (space + 1))) != NULL) {
        return -EBADMSG;
    }
    if (v[-1] != ' ' || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' || v[6] != '.' ||
        v[7] < '0' || v[7] > '9') {
        return -EBADMSG;
    }
    return v[5] == '1' && v[7] <= '1' ? 0 : -EPROTONOSUPPORT;
}

/* What llhttp would let pass: bare CR, NUL, folding, white space before the first header, an empty
 * name. */
static int check_line(const char *line, size_t len, bool first)
{
    if (memchr(line, '\r', len) != NULL || memchr(line, '\0', len) != NULL) {
        return -EBADMSG;
    }
    if (line[0] == ' ' || line[0] == '\t' || line[0] == ':') {
        return -EBADMSG;
    }
    return first ? check_request_line(line, len) : 0;
}

/* Looks through the lines that came since the last call. Returns the head's length, 0 when its end
 * has not come, or an error. */
static ssize_t guard_head(gateway_http *h, const char *data, size_t len)
{
    for (;;) {
        const char *line = data + h->line_at;
        const char *lf = memchr(line, '\n', len - h->line_at);
        if (lf == NULL) {
            return 0;
        }
        size_t line_len = (size_t)(lf - line);
        if (line_len == 0 || line[line_len - 1] != '\r') {
            return -EBADMSG;
        }
        if (line_len == 1 && h->line_at != 0) {
            return lf + 1 - data;
        }
        int err = line_len == 1 ? -EBADMSG : check_line(line, line_len - 1, h->line_at == 0);
        if (err < 0) {
            return err;
        }
        h->line_at = (size_t)(lf + 1 - data);
    }
}

static int too_long(const gateway_http *h, size_t len)
{
    if (h->line_at == 0 && len > GATEWAY_LINE_MAX_BYTES) {
        return -ENAMETOOLONG;
    }
    return len >= GATEWAY_HEAD_MAX_BYTES ? -EMSGSIZE : 0;
}

/* ---- guard: line discipline of chunk framing and trailers ---- */

static int guard_framing_byte(gateway_http *h, char c)
{
    bool fold = h->line_start && (c == ' ' || c == '\t');
    if (fold || h->cr != (c == '\n') || c == '\0') {
        return -EBADMSG;
    }
    h->line_start = c == '\n';
    h->cr = c == '\r';
    size_t max = h->trailers ? GATEWAY_TRAILER_MAX_BYTES : GATEWAY_FRAMING_MAX_BYTES;
    return ++h->framing_bytes <= max ? 0 : -EBADMSG;
}

/* Holds the framing bytes between the last content and end to the rules. */
static int guard_framing(gateway_http *h, const char *end)
{
    if (h->req->content_length >= 0) {
        return 0;
    }
    while (h->guarded < end) {
        int err = guard_framing_byte(h, *h->guarded++);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int on_chunk_header(llhttp_t *parser)
{
    owner(parser)->trailers = parser->content_length == 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    gateway_http *h = owner(parser);
    int err = guard_framing(h, at);
    h->guarded = at + len;
    h->framing_bytes = 0;
    h->line_start = false;
    if (err == 0) {
        err = h->sink(h->user, at, len);
    }
    return err < 0 ? fail(h, err) : 0;
}

/* ---- driving llhttp ---- */

static const llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t table = {
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_field_complete = on_header_field_complete,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
        .on_chunk_header = on_chunk_header,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return &table;
}

void gateway_http_reset(gateway_http *h, gateway_request *req)
{
    *h = (gateway_http){.req = req, .current = -1, .line_start = true};
    memset(req, 0, sizeof(*req));
    llhttp_init(&h->parser, HTTP_REQUEST, settings());
    h->parser.data = h;
}

/* One empty line before a request is left from an older client's body (RFC 9112 section 2.2). */
static void skip_empty_line(gateway_http *h, const char *data, size_t len)
{
    if (h->line_at == 0) {
        h->skip = len >= 2 && data[0] == '\r' && data[1] == '\n' ? 2 : 0;
    }
}

ssize_t gateway_http_head(gateway_http *h, const char *data, size_t len)
{
    skip_empty_line(h, data, len);
    size_t skip = h->skip;
    if (len == skip) {
        return 0;
    }
    ssize_t head = guard_head(h, data + skip, RF_MIN(len - skip, (size_t)GATEWAY_HEAD_MAX_BYTES));
    if (head <= 0) {
        return head < 0 ? head : too_long(h, len - skip);
    }
    h->req->head = data + skip;
    enum llhttp_errno code = llhttp_execute(&h->parser, data + skip, (size_t)head);
    if (h->err != 0) {
        return h->err;
    }
    if (code != HPE_OK && code != HPE_PAUSED) {
        return -EBADMSG;
    }
    h->req->head_len = (size_t)head;
    return head + (ssize_t)skip;
}

ssize_t gateway_http_body(gateway_http *h, const char *data, size_t len,
                          int (*sink)(void *user, const char *data, size_t len), void *user)
{
    if (h->done) {
        return 0;
    }
    h->sink = sink;
    h->user = user;
    h->guarded = data;
    enum llhttp_errno code = llhttp_execute(&h->parser, data, len);
    const char *end = code == HPE_OK ? data + len : llhttp_get_error_pos(&h->parser);
    if (h->err == 0 && code != HPE_OK && code != HPE_PAUSED) {
        h->err = -EBADMSG;
    }
    if (h->err == 0) {
        h->err = guard_framing(h, end);
    }
    return h->err != 0 ? h->err : end - data;
}

bool gateway_http_done(const gateway_http *h)
{
    return h->done;
}

int gateway_http_error_status(ssize_t err)
{
    switch (err) {
    case -ENAMETOOLONG:
        return 414;
    case -EMSGSIZE:
        return 431;
    case -EOPNOTSUPP:
        return 501;
    case -EPROTONOSUPPORT:
        return 505;
    case -EBADE:
        return 417;
    default:
        return 400;
    }
}

/* ---- reading a request ---- */

void gateway_request_move(gateway_request *req, const char *head)
{
    req->head = head;
}

const char *gateway_request_str(const gateway_request *req, gateway_span span)
{
    return req->head + span.at;
}

int gateway_request_header(const gateway_request *req, gateway_header id, char *out,
                           size_t out_size)
{
    gateway_span s = req->headers[id];
    if (!s.present) {
        return -ENOENT;
    }
    if (s.len >= out_size) {
        return -ENOSPC;
    }
    memcpy(out, gateway_request_str(req, s), s.len);
    out[s.len] = '\0';
    return s.len;
}
