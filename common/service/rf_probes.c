#include "rf_probes.h"

#include "rf_buf.h"
#include "rf_metric.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define METRICS_MAX_BYTES (4u << 20)
#define CONNECTIONS_MAX 32
#define IDLE_SECONDS 30

struct rf_probes {
    struct MHD_Daemon *daemon;
    char url[80];
    pthread_mutex_t mutex;
    bool ready; /* guarded by mutex, like why */
    char why[256];
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code, const char *type, char *body,
                              size_t len)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    if (r == NULL) {
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned code, const char *text)
{
    char *body = rf_asprintf("%s\n", text);
    return answer(c, code, "text/plain; charset=utf-8", body, strlen(body));
}

static enum MHD_Result answer_ready(rf_probes *p, struct MHD_Connection *c)
{
    char why[sizeof(p->why)];
    pthread_mutex_lock(&p->mutex);
    bool ready = p->ready;
    rf_copy_str(why, sizeof(why), p->why);
    pthread_mutex_unlock(&p->mutex);
    return answer_text(c, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                       ready ? "ready" : why);
}

static enum MHD_Result answer_metrics(struct MHD_Connection *c)
{
    rf_buf out;
    rf_buf_init(&out, METRICS_MAX_BYTES);
    rf_metric_write(&out);
    size_t len = out.len;
    char *body = rf_buf_steal(&out);
    return answer(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", body, len);
}

static enum MHD_Result handle(void *user, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **request)
{
    (void)version;
    (void)data;
    (void)request;
    *data_size = 0;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    }
    if (strcmp(url, "/healthz") == 0) {
        return answer_text(c, MHD_HTTP_OK, "ok");
    }
    if (strcmp(url, "/readyz") == 0) {
        return answer_ready(user, c);
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(c);
    }
    return answer_text(c, MHD_HTTP_NOT_FOUND, "paths are /healthz, /readyz and /metrics");
}

static int parse_address(const char *listen, struct sockaddr_in *ret)
{
    char host[64];
    int64_t port;
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || (size_t)(colon - listen) >= sizeof(host) ||
        rf_parse_i64(colon + 1, &port) < 0 || port < 0 || port > 65535) {
        return -EINVAL;
    }
    memcpy(host, listen, (size_t)(colon - listen));
    host[colon - listen] = '\0';
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

int rf_probes_start(const char *listen, rf_probes **ret)
{
    struct sockaddr_in address;
    int err = parse_address(listen, &address);
    if (err < 0) {
        return err;
    }
    rf_probes *p = RF_NEW(rf_probes);
    pthread_mutex_init(&p->mutex, NULL);
    rf_copy_str(p->why, sizeof(p->why), "starting");
    p->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, p, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    if (p->daemon == NULL) {
        err = errno > 0 ? -errno : -EADDRINUSE;
        rf_probes_stop(p);
        return err;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_BIND_PORT);
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
    snprintf(p->url, sizeof(p->url), "http://%s:%u", host, info->port);
    *ret = p;
    return 0;
}

rf_probes *rf_probes_stop(rf_probes *p)
{
    if (p != NULL) {
        if (p->daemon != NULL) {
            MHD_stop_daemon(p->daemon);
        }
        pthread_mutex_destroy(&p->mutex);
        free(p);
    }
    return NULL;
}

const char *rf_probes_url(const rf_probes *p)
{
    return p->url;
}

void rf_probes_set_ready(rf_probes *p, bool ready, const char *why)
{
    pthread_mutex_lock(&p->mutex);
    p->ready = ready;
    rf_copy_str(p->why, sizeof(p->why), why);
    pthread_mutex_unlock(&p->mutex);
}
