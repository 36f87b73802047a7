/*
 * The gateway's process: makes the parts in order, takes them down in the other (rf_service.h).
 */
#include "gateway_audit.h"
#include "gateway_auth.h"
#include "gateway_ca.h"
#include "gateway_io.h"
#include "gateway_jam_rpc.h"
#include "gateway_last.h"
#include "gateway_limits.h"
#include "gateway_listen.h"
#include "gateway_loop.h"
#include "gateway_metrics.h"
#include "gateway_openapi.h"
#include "gateway_recorder_rpc.h"
#include "gateway_rpc.h"
#include "gateway_share.h"
#include "gateway_sockets.h"
#include "gateway_tls.h"
#include "gateway_tls_blocks.h"
#include "gateway_used.h"
#include "rf_log.h"
#include "rf_service.h"
#include "rf_store.h"
#include "rf_time.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEYS_MAX 16384
#define BUCKETS_MAX 65536
#define TICKETS_MAX 65536 /* used ones, of the last minute */
#define FDS_BESIDE_CONNECTIONS 512
#define IO_JOBS_PER_TRANSFER 4
#define TRIM_BYTES (256u << 10)

typedef struct gateway_process {
    gateway gw;
    rf_service *service;
    gateway_listen *listen;
    rf_timer *tls_check;
    char *tls_dir; /* of the private authority; NULL with a certificate of the operator */
    gateway_share *share;
} gateway_process;

/* ---- parts ---- */

/* Two descriptors a connection: a plain download holds a second one. */
static void raise_descriptors(gateway_config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int64_t beside = FDS_BESIDE_CONNECTIONS + 2 * config->transfers_max;
    int64_t room = RF_MAX((int64_t)limit.rlim_cur - beside, (int64_t)64);
    if (config->connections_max > room) {
        RF_LOG_WARN("connections.max is cut to what the descriptor limit allows",
                    RF_INT("connections", room));
        config->connections_max = room;
    }
}

static int64_t now_s(void)
{
    return rf_time_wall_ms() / 1000;
}

static int open_signer(gateway_process *p)
{
    RF_CLEANUP(rf_cleanup_free)
    char *path = rf_service_signing_keys(p->service, p->gw.config.signing_keys);
    return path != NULL ? rf_signer_open(path, &p->gw.signer) : -EIO;
}

static int open_store(gateway_process *p)
{
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_service_store_url(p->service, p->gw.config.store_url);
    return url != NULL ? rf_store_open(url, &p->gw.store) : -EIO;
}

static void on_tls_check(void *user)
{
    gateway_process *p = user;
    const gateway_config *c = &p->gw.config;
    if (p->tls_dir != NULL) {
        gateway_ca_ensure(p->tls_dir, &c->tls_names, now_s()); /* logs; the old one goes on */
    }
    if (gateway_tls_refresh(p->gw.tls) > 0) {
        RF_LOG_INFO("certificate exchanged");
    }
    rf_timer_set(p->tls_check, rf_time_ns() + c->tls_check_s * RF_NS_PER_S);
}

static int open_own_tls(gateway_process *p)
{
    RF_CLEANUP(rf_cleanup_free) char *ca = rf_service_path(p->service, "tls/ca.pem");
    if (ca == NULL) {
        return -EIO;
    }
    p->tls_dir = rf_strndup(ca, strlen(ca) - strlen("/ca.pem"));
    RF_CLEANUP(rf_cleanup_free) char *cert = rf_asprintf("%s/server.pem", p->tls_dir);
    RF_CLEANUP(rf_cleanup_free) char *key = rf_asprintf("%s/server.key", p->tls_dir);
    int err = gateway_ca_ensure(p->tls_dir, &p->gw.config.tls_names, now_s());
    if (err < 0) {
        return err;
    }
    RF_LOG_INFO("clients trust this authority", RF_STR("ca", ca));
    return gateway_tls_open(cert, key, &p->gw.tls);
}

static int open_tls(gateway_process *p)
{
    const gateway_config *c = &p->gw.config;
    int err = c->tls_cert[0] != '\0' ? gateway_tls_open(c->tls_cert, c->tls_key, &p->gw.tls)
                                     : open_own_tls(p);
    if (err == 0) {
        p->tls_check = rf_timer_new(rf_service_loop(p->service), on_tls_check, p);
        rf_timer_set(p->tls_check, rf_time_ns() + c->tls_check_s * RF_NS_PER_S);
    }
    return err;
}

static char *join(const rf_list *list)
{
    rf_buf text;
    rf_buf_init(&text, 65536);
    for (size_t i = 0; i < list->n; i++) {
        rf_buf_printf(&text, "%s%s", i > 0 ? "," : "", list->items[i]);
    }
    return rf_buf_steal(&text);
}

/* What the setting says, or the service's socket in the data directory. */
static char *targets_of(const gateway_process *p, const rf_list *setting, const char *service)
{
    return setting->n > 0 ? join(setting) : rf_service_socket(p->service, service);
}

static int open_rpc(gateway_process *p)
{
    const gateway_config *c = &p->gw.config;
    RF_CLEANUP(rf_cleanup_free) char *job = targets_of(p, &c->job_targets, "job");
    RF_CLEANUP(rf_cleanup_free) char *jam = targets_of(p, &c->jam_targets, "jam");
    RF_CLEANUP(rf_cleanup_free)
    char *recorder = targets_of(p, &c->recorder_targets, "recorder");
    if (job == NULL || jam == NULL || recorder == NULL) {
        return -EIO;
    }
    int err = gateway_rpc_open(job, c, &p->gw.rpc);
    err = err == 0 ? gateway_jam_rpc_open(jam, c, &p->gw.jam) : err;
    return err == 0 ? gateway_recorder_rpc_open(recorder, c, &p->gw.recorder) : err;
}

static int open_audit(gateway_process *p)
{
    const gateway_config *c = &p->gw.config;
    if (!c->audit) {
        return 0;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *dir =
        c->audit_dir[0] != '\0' ? rf_strdup(c->audit_dir) : rf_service_path(p->service, "audit");
    int err = dir == NULL
                  ? -EIO
                  : gateway_audit_start(dir, c->audit_max_bytes, c->audit_files, &p->gw.audit);
    if (err < 0) {
        RF_LOG_ERROR("audit.dir cannot be written", RF_STR("audit.dir", dir == NULL ? "" : dir),
                     RF_STR("why", strerror(-err)));
    }
    return err;
}

static int start_loops(gateway *gw)
{
    int64_t n = gw->config.loops;
    n = n > 0 ? n : RF_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    gw->loops = RF_NEW_ARRAY(gateway_loop *, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        gw->loops[i] = gateway_loop_start(gw);
        if (gw->loops[i] == NULL) {
            return -EAGAIN;
        }
        gw->n_loops++;
    }
    return 0;
}

static int make_parts(gateway_process *p)
{
    gateway *gw = &p->gw;
    const gateway_config *c = &gw->config;
    gw->auth = gateway_auth_new(KEYS_MAX);
    gw->limits = gateway_limits_new(BUCKETS_MAX);
    gw->sockets = gateway_sockets_new();
    gw->tickets = gateway_used_new(TICKETS_MAX);
    gw->last = gateway_last_new();
    gw->openapi = gateway_openapi_make(c->public_base, &gw->openapi_len);
    gw->io =
        gateway_io_start((size_t)c->io_threads, (size_t)c->transfers_max * IO_JOBS_PER_TRANSFER);
    gateway_metrics_init();
    int err = gw->io != NULL && gw->openapi != NULL ? open_signer(p) : -EAGAIN;
    err = err == 0 ? open_store(p) : err;
    err = err == 0 ? open_tls(p) : err;
    err = err == 0 ? open_rpc(p) : err;
    err = err == 0 ? open_audit(p) : err;
    err = err == 0 ? start_loops(gw) : err;
    if (err < 0) {
        return err;
    }
    gateway_metrics_watch(gw);
    p->share = gateway_share_start(gw, rf_service_loop(p->service));
    return gateway_listen_start(gw, rf_service_loop(p->service), &p->listen);
}

/* ---- service ---- */

static void process_stop(void *state)
{
    gateway_process *p = state;
    gateway *gw = &p->gw;
    gateway_metrics_watch(NULL);
    p->listen = gateway_listen_stop(p->listen);
    for (size_t i = 0; i < gw->n_loops; i++) {
        gateway_loop_close_all(gw->loops[i]);
    }
    p->share = gateway_share_stop(p->share);
    gw->rpc = gateway_rpc_close(gw->rpc); /* posts the ends of calls to the loops */
    gw->jam = gateway_jam_rpc_close(gw->jam);
    gw->recorder = gateway_recorder_rpc_close(gw->recorder);
    if (gw->io != NULL) {
        gateway_io_stop(gw->io);
    }
    for (size_t i = 0; i < gw->n_loops; i++) {
        gw->loops[i] = gateway_loop_stop(gw->loops[i]);
    }
    free(gw->loops);
    gw->audit = gateway_audit_stop(gw->audit);
    gateway_io_free(gw->io);
    rf_timer_free(p->tls_check);
    gateway_tls_close(gw->tls);
    rf_store_close(gw->store);
    rf_signer_free(gw->signer);
    gateway_last_free(gw->last);
    gateway_limits_free(gw->limits);
    gateway_sockets_free(gw->sockets);
    gateway_used_free(gw->tickets);
    gateway_auth_free(gw->auth);
    free(gw->openapi);
    free(p->tls_dir);
    free(p);
}

static int process_check(const void *config)
{
    return rf_store_check(((const gateway_config *)config)->store_url);
}

static int process_start(rf_service *service, const void *config, void **ret_state)
{
    gateway_process *p = RF_NEW(gateway_process);
    p->service = service;
    p->gw.config = *(const gateway_config *)config;
    signal(SIGPIPE, SIG_IGN); /* SSL_write and sendfile have no MSG_NOSIGNAL */
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
    int err = gateway_config_check(&p->gw.config);
    if (err == 0) {
        raise_descriptors(&p->gw.config);
        err = make_parts(p);
    }
    if (err < 0) {
        RF_LOG_ERROR("gateway cannot start", RF_STR("error", strerror(-err)));
        process_stop(p);
        return err;
    }
    *ret_state = p;
    return 0;
}

static bool process_ready(void *state, char *why, size_t why_size)
{
    const gateway_process *p = state;
    if (!gateway_rpc_ready(p->gw.rpc)) {
        rf_copy_str(why, why_size, "the job service does not answer");
        return false;
    }
    return true;
}

static void process_drain(void *state)
{
    gateway_process *p = state;
    p->listen = gateway_listen_stop(p->listen);
    for (size_t i = 0; i < p->gw.n_loops; i++) {
        gateway_loop_drain(p->gw.loops[i]);
    }
}

static bool process_idle(void *state)
{
    const gateway_process *p = state;
    for (size_t i = 0; i < p->gw.n_loops; i++) {
        if (atomic_load(&p->gw.loops[i]->n_conns) > 0) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "gateway",
        .summary = "HTTP and WebSocket for everything: jobs, files, jam sessions, recordings; "
                   "plain and TLS",
        .settings = gateway_settings,
        .n_settings = gateway_n_settings,
        .config_size = sizeof(gateway_config),
        .check = process_check,
        .start = process_start,
        .ready = process_ready,
        .drain = process_drain,
        .idle = process_idle,
        .stop = process_stop,
    };
    (void)gateway_tls_blocks_use(); /* else: as it is without */
    return rf_service_main(&def, argc, argv);
}
