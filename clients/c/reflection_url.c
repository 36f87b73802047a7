#include "reflection_url.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *prefix;
    bool is_tls;
} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};

/* Returns what follows the scheme, NULL for another one. */
static const char *skip_scheme(const char *text, bool *ret_tls)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, len) == 0) {
            *ret_tls = schemes[i].is_tls;
            return text + len;
        }
    }
    return NULL;
}

/* Bytes that could end a line of the request, or that no URL holds. */
static bool is_clean(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '#') {
            return false;
        }
    }
    return true;
}

static bool take(char *dst, size_t size, const char *src, size_t len)
{
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(dst, src, len);
    dst[len] = '\0';
    return true;
}

/* "host", "host:port", "[v6]" or "[v6]:port". */
static bool take_authority(const char *text, size_t len, reflection_url *url)
{
    const char *end = text + len;
    const char *host_end = memchr(text, text[0] == '[' ? ']' : ':', len);
    url->is_ip6 = text[0] == '[';
    if (url->is_ip6 && host_end == NULL) {
        return false;
    }
    host_end = host_end == NULL ? end : host_end;
    const char *host = text + url->is_ip6;
    const char *port = host_end + url->is_ip6;
    if (memchr(text, '@', len) != NULL || host_end < host ||
        !take(url->host, sizeof(url->host), host, (size_t)(host_end - host))) {
        return false;
    }
    if (port == end) {
        reflection_copy(url->port, sizeof(url->port), url->is_tls ? "443" : "80");
        return true;
    }
    if (*port != ':' || !take(url->port, sizeof(url->port), port + 1, (size_t)(end - port - 1))) {
        return false;
    }
    long number = strtol(url->port, NULL, 10);
    return strspn(url->port, "0123456789") == strlen(url->port) && number > 0 && number < 65536;
}

int reflection_url_parse_at(const char *text, const char *default_path, reflection_url *ret,
                            reflection_jam_fault *fault)
{
    reflection_url url = {0};
    const char *rest = text == NULL ? NULL : skip_scheme(text, &url.is_tls);
    if (rest == NULL) {
        return reflection_fail(fault, -EINVAL,
                               "url: must begin with ws://, wss://, http:// or https://");
    }
    size_t len = strcspn(rest, "/?");
    if (!is_clean(rest) || len == 0 || !take_authority(rest, len, &url)) {
        return reflection_fail(fault, -EINVAL, "url: \"%.200s\" names no host and port", text);
    }
    const char *path = rest + len;
    const char *prefix =
        path[0] == '?' || path[0] == '\0' || strcmp(path, "/") == 0 ? default_path : "";
    path = strcmp(path, "/") == 0 ? "" : path;
    if (strlen(prefix) + strlen(path) >= sizeof(url.path)) {
        return reflection_fail(fault, -EINVAL, "url: the path is longer than %zu bytes",
                               sizeof(url.path) - 1);
    }
    reflection_copy(url.path, sizeof(url.path), prefix);
    reflection_copy(url.path + strlen(prefix), sizeof(url.path) - strlen(prefix), path);
    *ret = url;
    return 0;
}

int reflection_url_parse(const char *text, reflection_url *ret, reflection_jam_fault *fault)
{
    return reflection_url_parse_at(text, "/ws/jam", ret, fault);
}
