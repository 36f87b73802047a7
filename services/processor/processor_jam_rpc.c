#include "processor_jam_rpc.h"

#include "processor_jam.h"
#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <reflection/jam/v1/jam.rpc.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct processor_jam_rpc {
    rf_rpc_channel *channel;
    char *scratch_dir;
};

/* A message that waits for the step's thread. */
typedef struct part {
    struct part *next;
    size_t credit; /* what it counts for in flow control */
    size_t len;
    uint8_t data[];
} part;

/* One call. Flow control bounds what waits: credit goes back when a part is in the file. */
typedef struct render {
    int wake_fd; /* readable when something below has changed */
    pthread_mutex_t lock;
    part *first;
    part **last;
    bool is_over; /* status is valid; the call's last event has come */
    rf_status status;
} render;

/* ---- events, on threads of the RPC library ---- */

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    render *r = user;
    part *p = malloc(sizeof(*p) + msg->attachment_len);
    if (p == NULL) {
        rf_rpc_cancel(call);
        return;
    }
    *p = (part){.credit = msg->len + msg->attachment_len, .len = msg->attachment_len};
    if (p->len > 0) {
        memcpy(p->data, msg->attachment, p->len);
    }
    pthread_mutex_lock(&r->lock);
    *r->last = p;
    r->last = &p->next;
    eventfd_write(r->wake_fd, 1);
    pthread_mutex_unlock(&r->lock);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    render *r = user;
    pthread_mutex_lock(&r->lock);
    r->status = *status;
    r->is_over = true;
    eventfd_write(r->wake_fd, 1);
    pthread_mutex_unlock(&r->lock);
}

static const rf_rpc_events events = {.message = on_message, .done = on_done, .manual_credit = true};

static int render_init(render *r)
{
    *r = (render){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    r->last = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    return r->wake_fd < 0 ? -errno : 0;
}

static void render_done(render *r)
{
    while (r->first != NULL) {
        part *p = r->first;
        r->first = p->next;
        free(p);
    }
    pthread_mutex_destroy(&r->lock);
    rf_close(&r->wake_fd);
}

/* ---- the step's thread ---- */

/* The next part, or NULL; *ret_over says that none follows. */
static part *next_part(render *r, bool *ret_over)
{
    pthread_mutex_lock(&r->lock);
    part *p = r->first;
    if (p != NULL) {
        r->first = p->next;
        r->last = r->first == NULL ? &r->first : r->last;
    }
    *ret_over = p == NULL && r->is_over;
    pthread_mutex_unlock(&r->lock);
    return p;
}

/* Waits for a change; -ECANCELED when the step was cancelled. The call has a deadline of its own.
 */
static int wait_change(render *r, int cancel_fd)
{
    struct pollfd fds[2] = {{.fd = r->wake_fd, .events = POLLIN},
                            {.fd = cancel_fd, .events = POLLIN}};
    eventfd_t count;
    while (poll(fds, 2, -1) < 0) {
    }
    (void)eventfd_read(r->wake_fd, &count);
    return fds[1].revents != 0 ? -ECANCELED : 0;
}

/* Writes what comes until the call is over. */
static int receive(render *r, rf_rpc_call *call, processor_jam_file *file,
                   processor_step_call *step)
{
    bool is_over = false;
    int err = 0;
    while (err == 0 && !is_over) {
        part *p = next_part(r, &is_over);
        if (p == NULL && !is_over) {
            err = wait_change(r, step->cancel_fd);
        } else if (p != NULL) {
            err = processor_jam_file_write(file, p->data, p->len);
            rf_rpc_consumed(call, p->credit);
            free(p);
            if (step->progress != NULL) {
                step->progress(step->user, processor_jam_file_percent(file));
            }
        }
    }
    return err;
}

/* Ends the call if it is not over, and waits for its last event: then nobody uses r any more. */
static void finish(render *r, rf_rpc_call *call)
{
    bool is_over = false;
    rf_rpc_cancel(call);
    while (!is_over) {
        part *p = next_part(r, &is_over);
        if (p == NULL && !is_over) { /* one wake-up may stand for several parts */
            (void)wait_change(r, -1);
        }
        free(p);
    }
    rf_rpc_call_free(call);
}

/* The service's words about a refused value: {code, field, limit, error}. */
static void refused(const rf_status *st, processor_step_call *step)
{
    json_t *json = json_loads(st->message, 0, NULL);
    const char *message = json_string_value(json_object_get(json, "message"));
    rf_copy_str(step->message, sizeof(step->message), message != NULL ? message : st->message);
    json_decref(json);
}

static int result_of(const rf_status *st, processor_step_call *step)
{
    if (st->code == RF_OK) {
        return 0;
    }
    RF_LOG_WARN("music not rendered", RF_STR("code", rf_code_name(st->code)),
                RF_STR("why", st->message));
    if (st->code == RF_INVALID_ARGUMENT) {
        refused(st, step);
        return -EBADMSG;
    }
    return rf_code_errno(st->code);
}

static int send_request(rf_rpc_call *call, const char *json)
{
    Jam__V1__RenderRequest request = JAM__V1__RENDER_REQUEST__INIT;
    request.json = (char *)(uintptr_t)json;
    request.wide_tempo = true;
    int err = rf_rpc_send(call, &request.base, NULL);
    rf_rpc_half_close(call);
    return err == -ECANCELED ? 0 : err; /* the status tells why */
}

static int call_service(processor_jam_rpc *rpc, const char *json, processor_jam_file *file,
                        processor_step_call *step)
{
    render r;
    int err = render_init(&r);
    if (err == 0) {
        const rf_rpc_options options = {.deadline_ns = step->deadline_ns};
        rf_rpc_call *call =
            rf_rpc_open(rpc->channel, JAM_V1_JAM_SERVICE_RENDER_IN_TURN, &options, &events, &r);
        err = send_request(call, json);
        err = err == 0 ? receive(&r, call, file, step) : err;
        finish(&r, call);
        err = err == 0 ? result_of(&r.status, step) : err;
    }
    render_done(&r);
    return err;
}

static int run(void *self, processor_step_call *step)
{
    processor_jam_rpc *rpc = self;
    processor_jam_request request = {0};
    processor_jam_file *file = NULL;
    int err = processor_jam_request_init(step->in, &request, step->message);
    err = err == 0 ? processor_jam_file_new(rpc->scratch_dir, request.n_frames, &file) : err;
    err = err == 0 ? call_service(rpc, request.json, file, step) : err;
    err = err == 0 ? processor_jam_file_end(file, &step->out[0]) : err;
    processor_jam_file_free(file);
    processor_jam_request_done(&request);
    return err;
}

/* ---- connection ---- */

int processor_jam_rpc_open(const char *target, const char *scratch_dir, processor_jam_rpc **ret)
{
    processor_jam_rpc *r = RF_NEW(processor_jam_rpc);
    const rf_rpc_channel_config config = {.target = target};
    int err = rf_rpc_channel_open(&config, &r->channel);
    if (err < 0) {
        free(r);
        return err;
    }
    r->scratch_dir = rf_strdup(scratch_dir);
    *ret = r;
    return 0;
}

processor_jam_rpc *processor_jam_rpc_close(processor_jam_rpc *r)
{
    if (r != NULL) {
        rf_rpc_channel_close(r->channel);
        free(r->scratch_dir);
        free(r);
    }
    return NULL;
}

processor_remote processor_jam_rpc_remote(processor_jam_rpc *r)
{
    return (processor_remote){.module = "jam", .run = run, .self = r};
}
