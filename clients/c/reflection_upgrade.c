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

static int send_request(reflection_net *net, const reflection_url *url, const char *key,
                        const char *nonce, int64_t deadline_ns, reflection_jam_fault *fault)
{
    char request[REQUEST_MAX];
    bool has_key = key != NULL && key[0] != '\0';
    if (has_key && !reflection_head_is_text(key)) {
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
    return reflection_head_send(net, request, (size_t)len, deadline_ns, fault);
}

/* ---- the answer ---- */

/* Reads the body of a refusal as far as it fits and copies its "message" and "code". */
static void read_reason(reflection_net *net, reflection_early *in, size_t head_len,
                        const char *head, int64_t deadline_ns, reflection_jam_fault *fault)
{
    char length[16];
    reflection_head_value(head, "Content-Length", length, sizeof(length));
    size_t body = strtoul(length, NULL, 10);
    while (in->len - head_len < body && reflection_head_more(net, in, deadline_ns) > 0) {
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
    int status = reflection_head_status(head);
    if (status < 0) {
        return reflection_fail(fault, -EPROTO, "the server does not speak HTTP");
    }
    int err = reflection_fail(fault, errno_of(status), "the server answered HTTP %d", status);
    fault->http_status = status;
    read_reason(net, in, head_len, head, deadline_ns, fault);
    if (err == -EBUSY) {
        fault->retry_after_ms = reflection_head_retry_ms(head);
    }
    return err;
}

static bool is_upgraded(const char *head, const char *nonce)
{
    char upgrade[16];
    char accept[ACCEPT_TEXT + 1];
    char wanted[ACCEPT_TEXT];
    char extensions[8];
    reflection_head_value(head, "Upgrade", upgrade, sizeof(upgrade));
    reflection_head_value(head, "Sec-WebSocket-Accept", accept, sizeof(accept));
    reflection_head_value(head, "Sec-WebSocket-Extensions", extensions, sizeof(extensions));
    return strcasecmp(upgrade, "websocket") == 0 && make_accept(nonce, wanted) == 0 &&
           strcmp(accept, wanted) == 0 && extensions[0] == '\0';
}

static int read_answer(reflection_net *net, const char *nonce, int64_t deadline_ns,
                       reflection_early *in, reflection_jam_fault *fault)
{
    ssize_t len = reflection_head_read(net, in, deadline_ns);
    if (len < 0) {
        return reflection_fail(fault, (int)len, "no answer to the upgrade: %s",
                               strerror((int)-len));
    }
    char *head = strndup((const char *)in->data, (size_t)len);
    if (head == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    int err = 0;
    if (reflection_head_status(head) != 101) {
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
