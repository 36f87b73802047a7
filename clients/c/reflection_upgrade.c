#include "reflection_upgrade.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define NONCE_BYTES 16
#define NONCE_TEXT 25 /* base64 of 16 bytes and the terminator */
#define ACCEPT_TEXT 29
#define REQUEST_MAX 4096
#define RETRY_AFTER_MAX_S 86400

static int make_nonce(char ret[NONCE_TEXT])
{
    unsigned char bytes[NONCE_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return -errno;
    }
    EVP_EncodeBlock((unsigned char *)ret, bytes, sizeof(bytes));
    return 0;
}

static int make_accept(const char *nonce, char ret[ACCEPT_TEXT])
{
    char text[NONCE_TEXT + sizeof(GUID)];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    snprintf(text, sizeof(text), "%s" GUID, nonce);
    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) != 1) {
        return -ENOMEM;
    }
    EVP_EncodeBlock((unsigned char *)ret, digest, (int)len);
    return 0;
}

/* ---- the request ---- */

static bool is_header_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f) {
            return false;
        }
    }
    return true;
}

static int send_all(reflection_net *net, const char *data, size_t len, int64_t deadline_ns,
                    reflection_jam_fault *fault)
{
    while (len > 0) {
        ssize_t n = reflection_net_write(net, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        int err = n == -EAGAIN ? reflection_net_wait(net, true, deadline_ns) : (int)n;
        if (err < 0) {
            return reflection_fail(fault, err, "the request could not be sent: %s", strerror(-err));
        }
    }
    return 0;
}

static int send_request(reflection_net *net, const reflection_url *url, const char *key,
                        const char *nonce, int64_t deadline_ns, reflection_jam_fault *fault)
{
    char request[REQUEST_MAX];
    bool has_key = key != NULL && key[0] != '\0';
    if (has_key && !is_header_text(key)) {
        return reflection_fail(fault, -EINVAL, "key: holds a control character");
    }
    const char *left = url->is_ip6 ? "[" : "";
    const char *right = url->is_ip6 ? "]" : "";
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                       "Sec-WebSocket-Version: 13\r\nUser-Agent: libreflection\r\n%s%s%s\r\n",
                       url->path, left, url->host, right, url->port, nonce,
                       has_key ? "Authorization: Bearer " : "", has_key ? key : "",
                       has_key ? "\r\n" : "");
    if (len < 0 || (size_t)len >= sizeof(request)) {
        return reflection_fail(fault, -EINVAL, "key: url and key are longer than %d bytes",
                               REQUEST_MAX);
    }
    return send_all(net, request, (size_t)len, deadline_ns, fault);
}

/* ---- the answer ---- */

/* Adds what comes to in. 1, 0 at the end of the stream, or an error; -EMSGSIZE when in is full. */
static int read_more(reflection_net *net, reflection_early *in, int64_t deadline_ns)
{
    for (;;) {
        if (in->len == sizeof(in->data)) {
            return -EMSGSIZE;
        }
        ssize_t n = reflection_net_read(net, in->data + in->len, sizeof(in->data) - in->len);
        if (n >= 0) {
            in->len += (size_t)n;
            return n > 0;
        }
        int err = n == -EAGAIN ? reflection_net_wait(net, false, deadline_ns) : (int)n;
        if (err < 0) {
            return err;
        }
    }
}

/* Bytes of the head with its empty line, or an error. */
static ssize_t read_head(reflection_net *net, reflection_early *in, int64_t deadline_ns)
{
    for (;;) {
        const uint8_t *end = memmem(in->data, in->len, "\r\n\r\n", 4);
        if (end != NULL) {
            return end + 4 - in->data;
        }
        int n = read_more(net, in, deadline_ns);
        if (n <= 0) {
            return n == 0 ? -ECONNRESET : n;
        }
    }
}

/* Copies the value of a header; "" when it is absent. head ends with an empty line. */
static void header(const char *head, const char *name, char *ret, size_t size)
{
    size_t len = strlen(name);
    ret[0] = '\0';
    for (const char *line = strstr(head, "\r\n"); line != NULL && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        const char *text = line + 2;
        if (strncasecmp(text, name, len) != 0 || text[len] != ':') {
            continue;
        }
        const char *value = text + len + 1 + strspn(text + len + 1, " \t");
        size_t n = strcspn(value, "\r");
        while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t')) {
            n--;
        }
        reflection_copy(ret, n + 1 < size ? n + 1 : size, value);
        return;
    }
}

/* HTTP/1.1 and three digits, else -1. */
static int status_of(const char *head)
{
    int status = -1;
    bool is_http = strncmp(head, "HTTP/1.", 7) == 0 && strlen(head) > 12 && head[8] == ' ';
    if (is_http && strspn(head + 9, "0123456789") == 3) {
        status = (int)strtol(head + 9, NULL, 10);
    }
    return status;
}

/* Reads the body of a refusal as far as it fits and copies its "message" and "code". */
static void read_reason(reflection_net *net, reflection_early *in, size_t head_len,
                        const char *head, int64_t deadline_ns, reflection_jam_fault *fault)
{
    char length[16];
    header(head, "Content-Length", length, sizeof(length));
    size_t body = strtoul(length, NULL, 10);
    while (in->len - head_len < body && read_more(net, in, deadline_ns) > 0) {
    }
    json_t *json = json_loadb((const char *)in->data + head_len, in->len - head_len,
                              JSON_DISABLE_EOF_CHECK, NULL);
    const char *message = json_string_value(json_object_get(json, "message"));
    if (message != NULL) {
        reflection_copy(fault->message, sizeof(fault->message), message);
    }
    reflection_copy(fault->code, sizeof(fault->code),
                    json_string_value(json_object_get(json, "code")));
    json_decref(json);
}

static int errno_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return -EACCES;
    case 404:
        return -ENOENT;
    case 429:
    case 503:
        return -EBUSY;
    default:
        return -EPROTO;
    }
}

static int refused(reflection_net *net, reflection_early *in, size_t head_len, const char *head,
                   int64_t deadline_ns, reflection_jam_fault *fault)
{
    int status = status_of(head);
    if (status < 0) {
        return reflection_fail(fault, -EPROTO, "the server does not speak HTTP");
    }
    int err = reflection_fail(fault, errno_of(status), "the server answered HTTP %d", status);
    fault->http_status = status;
    read_reason(net, in, head_len, head, deadline_ns, fault);
    char retry[16];
    header(head, "Retry-After", retry, sizeof(retry));
    unsigned long seconds = strtoul(retry, NULL, 10);
    if (err == -EBUSY) {
        seconds = seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds;
        fault->retry_after_ms = (int64_t)seconds * 1000;
    }
    return err;
}

static bool is_upgraded(const char *head, const char *nonce)
{
    char upgrade[16];
    char accept[ACCEPT_TEXT + 1];
    char wanted[ACCEPT_TEXT];
    char extensions[8];
    header(head, "Upgrade", upgrade, sizeof(upgrade));
    header(head, "Sec-WebSocket-Accept", accept, sizeof(accept));
    header(head, "Sec-WebSocket-Extensions", extensions, sizeof(extensions));
    return strcasecmp(upgrade, "websocket") == 0 && make_accept(nonce, wanted) == 0 &&
           strcmp(accept, wanted) == 0 && extensions[0] == '\0';
}

static int read_answer(reflection_net *net, const char *nonce, int64_t deadline_ns,
                       reflection_early *in, reflection_jam_fault *fault)
{
    ssize_t len = read_head(net, in, deadline_ns);
    if (len < 0) {
        return reflection_fail(fault, (int)len, "no answer to the upgrade: %s",
                               strerror((int)-len));
    }
    char *head = strndup((const char *)in->data, (size_t)len);
    if (head == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    int err = 0;
    if (status_of(head) != 101) {
        err = refused(net, in, (size_t)len, head, deadline_ns, fault);
    } else if (!is_upgraded(head, nonce)) {
        err = reflection_fail(fault, -EPROTO, "the answer to the upgrade is no WebSocket");
    }
    free(head);
    if (err == 0) {
        in->len -= (size_t)len;
        memmove(in->data, in->data + len, in->len);
    }
    return err;
}

int reflection_upgrade(reflection_net *net, const reflection_url *url, const char *key,
                       int64_t deadline_ns, reflection_early *ret_early,
                       reflection_jam_fault *fault)
{
    char nonce[NONCE_TEXT];
    ret_early->len = 0;
    if (make_nonce(nonce) < 0) {
        return reflection_fail(fault, -EIO, "no random bytes");
    }
    int err = send_request(net, url, key, nonce, deadline_ns, fault);
    return err < 0 ? err : read_answer(net, nonce, deadline_ns, ret_early, fault);
}
