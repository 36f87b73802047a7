#include "gateway_audit.h"

#include "gateway_routes.h"
#include "gateway_seat.h"
#include "rf_file.h"
#include "rf_log.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MAX (1u << 20)
#define LINE_MAX_BYTES 640

struct gateway_audit {
    char *path;
    int64_t max_bytes;
    int64_t n_files;
    rf_metric *dropped;
    pthread_t thread;
    int fd;       /* of the thread; -1: it could not be opened */
    int64_t size; /* of the file */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    rf_buf pending;
    bool stopping;
};

/* ---- files: the thread ---- */

static int open_file(gateway_audit *a)
{
    struct stat st;
    a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (a->fd < 0 || fstat(a->fd, &st) < 0) {
        return -errno;
    }
    a->size = st.st_size;
    return 0;
}

/* gateway.log becomes gateway.log.1, that one .2, and so on; the last goes. */
static void rotate(gateway_audit *a)
{
    rf_close(&a->fd);
    for (int64_t i = a->n_files - 1; i >= 1; i--) {
        RF_CLEANUP(rf_cleanup_free) char *to = rf_asprintf("%s.%lld", a->path, (long long)i);
        RF_CLEANUP(rf_cleanup_free)
        char *from =
            i == 1 ? rf_strdup(a->path) : rf_asprintf("%s.%lld", a->path, (long long)(i - 1));
        (void)rename(from, to);
    }
    if (a->n_files == 1) {
        (void)unlink(a->path);
    }
    int err = open_file(a);
    if (err < 0) {
        RF_LOG_ERROR("audit log cannot be opened", RF_STR("path", a->path),
                     RF_STR("why", strerror(-err)));
    }
}

static int64_t count_lines(const rf_buf *lines)
{
    int64_t n = 0;
    for (size_t i = 0; i < lines->len; i++) {
        n += lines->data[i] == '\n';
    }
    return n;
}

static void write_lines(gateway_audit *a, const rf_buf *lines)
{
    if (a->fd < 0 || (a->size > 0 && a->size + (int64_t)lines->len > a->max_bytes)) {
        rotate(a);
    }
    if (a->fd < 0 || rf_write_all(a->fd, lines->data, lines->len) < 0) {
        rf_metric_add(a->dropped, count_lines(lines));
        return;
    }
    a->size += (int64_t)lines->len;
}

/* Writes at most a file's worth at a time. */
static void write_pending(gateway_audit *a, rf_buf *pending)
{
    size_t at = 0;
    while (at < pending->len) {
        size_t end = RF_MIN(pending->len, at + (size_t)a->max_bytes);
        while (end < pending->len && end > at && pending->data[end - 1] != '\n') {
            end--;
        }
        const rf_buf part = {.data = pending->data + at, .len = end - at};
        write_lines(a, &part);
        at = end;
    }
}

static void *writer_main(void *arg)
{
    gateway_audit *a = arg;
    pthread_mutex_lock(&a->mutex);
    for (;;) {
        while (a->pending.len == 0 && !a->stopping) {
            pthread_cond_wait(&a->cond, &a->mutex);
        }
        if (a->pending.len == 0) {
            break;
        }
        rf_buf mine = a->pending;
        rf_buf_init(&a->pending, PENDING_MAX);
        pthread_mutex_unlock(&a->mutex);
        write_pending(a, &mine);
        rf_buf_done(&mine);
        pthread_mutex_lock(&a->mutex);
    }
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

/* ---- lines ---- */

/* Every value is made by the server, or of a fixed alphabet: none needs an escape. */
static int line_of(const gateway_exchange *ex, int status, char out[LINE_MAX_BYTES])
{
    char at[RF_ISO_LEN];
    char address[GATEWAY_ADDRESS_MAX] = "";
    if (ex->conn != NULL) {
        gateway_seat_address(ex->conn->fd, address);
    }
    return snprintf(out, LINE_MAX_BYTES,
                    "{\"at\":\"%s\",\"application\":\"%s\",\"key\":\"%s\",\"method\":\"%s\","
                    "\"route\":\"%s\",\"id\":\"%s\",\"status\":%d,\"request\":\"%s\","
                    "\"address\":\"%s\"}\n",
                    rf_time_iso(rf_time_wall_ms(), at), ex->caller.application_id,
                    ex->caller.key_id, gateway_method_name(ex->req.method), ex->route->path, ex->id,
                    status, ex->request_id, address);
}

static bool is_wanted(const gateway_exchange *ex)
{
    const gateway_route *r = ex->route;
    bool keyed = r != NULL && (r->auth == GATEWAY_AUTH_KEY || r->auth == GATEWAY_AUTH_SOCKET);
    return keyed && (r->limit != GATEWAY_LIMIT_POLL || ex->gw->config.audit_polls);
}

void gateway_audit_request(gateway_audit *a, const gateway_exchange *ex, int status)
{
    char line[LINE_MAX_BYTES];
    if (a == NULL || !is_wanted(ex)) {
        return;
    }
    int len = line_of(ex, status, line);
    pthread_mutex_lock(&a->mutex);
    bool first = a->pending.len == 0;
    if (len >= LINE_MAX_BYTES || rf_buf_append(&a->pending, line, (size_t)len) < 0) {
        rf_metric_add(a->dropped, 1);
    } else if (first) {
        pthread_cond_signal(&a->cond);
    }
    pthread_mutex_unlock(&a->mutex);
}

/* ---- life ---- */

static gateway_audit *discard(gateway_audit *a)
{
    rf_close(&a->fd);
    rf_buf_done(&a->pending);
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->mutex);
    free(a->path);
    free(a);
    return NULL;
}

int gateway_audit_start(const char *dir, int64_t max_bytes, int64_t n_files, gateway_audit **ret)
{
    gateway_audit *a = RF_NEW(gateway_audit);
    a->fd = -1;
    a->path = rf_asprintf("%s/gateway.log", dir);
    a->max_bytes = max_bytes;
    a->n_files = n_files;
    a->dropped = rf_metric_counter("reflection_audit_dropped_total",
                                   "Lines of the audit log that were lost.", NULL);
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->cond, NULL);
    rf_buf_init(&a->pending, PENDING_MAX);
    int err = rf_mkdirs(dir, 0700);
    err = err == 0 ? open_file(a) : err;
    err = err == 0 ? -pthread_create(&a->thread, NULL, writer_main, a) : err;
    if (err < 0) {
        discard(a);
        return err;
    }
    *ret = a;
    return 0;
}

gateway_audit *gateway_audit_stop(gateway_audit *a)
{
    if (a != NULL) {
        pthread_mutex_lock(&a->mutex);
        a->stopping = true;
        pthread_cond_signal(&a->cond);
        pthread_mutex_unlock(&a->mutex);
        pthread_join(a->thread, NULL);
        discard(a);
    }
    return NULL;
}
