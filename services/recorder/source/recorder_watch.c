#include "recorder_watch.h"

#include "recorder_lib.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGAIN_US (500 * PA_USEC_PER_MSEC)
#define STREAMS_MAX 64 /* of ours that are told apart */

typedef struct stream {
    uint32_t index; /* the server's; PA_INVALID_INDEX: none here */
    uint32_t source;
    bool suspended;
} stream;

/* All but the atomics belongs to the thread of libpulse. */
struct recorder_watch {
    const recorder_lib *lib;
    pa_threaded_mainloop *loop;
    pa_context *context;
    pa_time_event *again;
    char pid[16];
    stream streams[STREAMS_MAX];
    unsigned next; /* the place to use again */
    _Atomic(uint32_t) moved, removed, resumed, died;
    _Atomic(bool) suspended;
};

static void connect_context(recorder_watch *watch);

static void forget_streams(recorder_watch *watch)
{
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        watch->streams[i] = (stream){.index = PA_INVALID_INDEX, .source = PA_INVALID_INDEX};
    }
    atomic_store(&watch->suspended, false);
}

static stream *find_stream(recorder_watch *watch, uint32_t index)
{
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        if (watch->streams[i].index == index) {
            return &watch->streams[i];
        }
    }
    return NULL;
}

static bool uses(const recorder_watch *watch, uint32_t source)
{
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        if (watch->streams[i].index != PA_INVALID_INDEX && watch->streams[i].source == source) {
            return true;
        }
    }
    return false;
}

/* ---- sources ---- */

static void set_suspended(recorder_watch *watch, uint32_t source, bool suspended)
{
    bool was = false;
    bool any = false;
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        stream *s = &watch->streams[i];
        if (s->index == PA_INVALID_INDEX) {
            continue;
        }
        if (s->source == source) {
            was = was || s->suspended;
            s->suspended = suspended;
        }
        any = any || s->suspended;
    }
    atomic_store(&watch->suspended, any);
    if (was && !suspended) {
        atomic_fetch_add(&watch->resumed, 1);
    }
}

static void on_source(pa_context *context RF_UNUSED, const pa_source_info *info, int eol,
                      void *user)
{
    recorder_watch *watch = user;
    if (eol == 0 && uses(watch, info->index)) {
        set_suspended(watch, info->index, info->state == PA_SOURCE_SUSPENDED);
    }
}

static void ask_source(recorder_watch *watch, uint32_t index)
{
    pa_operation *op =
        watch->lib->pa_context_get_source_info_by_index(watch->context, index, on_source, watch);
    if (op != NULL) {
        watch->lib->pa_operation_unref(op);
    }
}

static void source_removed(recorder_watch *watch, uint32_t index)
{
    if (!uses(watch, index)) {
        return;
    }
    set_suspended(watch, index, false);
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        if (watch->streams[i].source == index) {
            watch->streams[i].index = PA_INVALID_INDEX;
        }
    }
    atomic_fetch_add(&watch->removed, 1);
}

/* ---- streams of ours ---- */

static bool is_ours(const recorder_watch *watch, const pa_source_output_info *info)
{
    const char *pid = watch->lib->pa_proplist_gets(info->proplist, PA_PROP_APPLICATION_PROCESS_ID);
    return pid != NULL && strcmp(pid, watch->pid) == 0;
}

static void on_output(pa_context *context RF_UNUSED, const pa_source_output_info *info, int eol,
                      void *user)
{
    recorder_watch *watch = user;
    if (eol != 0 || !is_ours(watch, info)) {
        return;
    }
    stream *s = find_stream(watch, info->index);
    if (s == NULL) {
        s = &watch->streams[watch->next++ % STREAMS_MAX];
    } else if (s->source != info->source) {
        atomic_fetch_add(&watch->moved, 1);
    }
    *s = (stream){.index = info->index, .source = info->source};
    ask_source(watch, info->source);
}

static void ask_output(recorder_watch *watch, uint32_t index)
{
    pa_operation *op =
        watch->lib->pa_context_get_source_output_info(watch->context, index, on_output, watch);
    if (op != NULL) {
        watch->lib->pa_operation_unref(op);
    }
}

/* ---- the server ---- */

static void on_event(pa_context *context RF_UNUSED, pa_subscription_event_type_t event,
                     uint32_t index, void *user)
{
    recorder_watch *watch = user;
    bool removed = (event & PA_SUBSCRIPTION_EVENT_TYPE_MASK) == PA_SUBSCRIPTION_EVENT_REMOVE;
    if ((event & PA_SUBSCRIPTION_EVENT_FACILITY_MASK) == PA_SUBSCRIPTION_EVENT_SOURCE) {
        if (removed) {
            source_removed(watch, index);
        } else if (uses(watch, index)) {
            ask_source(watch, index);
        }
    } else if (!removed) { /* what has ended stays known: its source may go or come back after it */
        ask_output(watch, index);
    }
}

static void begin(recorder_watch *watch)
{
    watch->lib->pa_context_set_subscribe_callback(watch->context, on_event, watch);
    pa_operation *ops[] = {
        watch->lib->pa_context_subscribe(
            watch->context, PA_SUBSCRIPTION_MASK_SOURCE | PA_SUBSCRIPTION_MASK_SOURCE_OUTPUT, NULL,
            NULL),
        watch->lib->pa_context_get_source_output_info_list(watch->context, on_output, watch),
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(ops); i++) {
        if (ops[i] != NULL) {
            watch->lib->pa_operation_unref(ops[i]);
        }
    }
}

static void drop_context(recorder_watch *watch)
{
    if (watch->context != NULL) {
        watch->lib->pa_context_set_state_callback(watch->context, NULL, NULL);
        watch->lib->pa_context_set_subscribe_callback(watch->context, NULL, NULL);
        watch->lib->pa_context_disconnect(watch->context);
        watch->lib->pa_context_unref(watch->context);
        watch->context = NULL;
    }
}

static void on_again(pa_mainloop_api *api, pa_time_event *event, const struct timeval *tv RF_UNUSED,
                     void *user)
{
    recorder_watch *watch = user;
    api->time_free(event);
    watch->again = NULL;
    drop_context(watch);
    connect_context(watch);
}

static void try_again(recorder_watch *watch)
{
    if (watch->again == NULL) {
        struct timeval at;
        watch->lib->pa_timeval_add(watch->lib->pa_gettimeofday(&at), AGAIN_US);
        pa_mainloop_api *api = watch->lib->pa_threaded_mainloop_get_api(watch->loop);
        watch->again = api->time_new(api, &at, on_again, watch);
    }
}

static void on_state(pa_context *context, void *user)
{
    recorder_watch *watch = user;
    pa_context_state_t state = watch->lib->pa_context_get_state(context);
    if (state == PA_CONTEXT_READY) {
        begin(watch);
    } else if (!PA_CONTEXT_IS_GOOD(state)) {
        bool knew = false;
        for (unsigned i = 0; i < STREAMS_MAX; i++) {
            knew = knew || watch->streams[i].index != PA_INVALID_INDEX;
        }
        forget_streams(watch);
        if (knew) {
            atomic_fetch_add(&watch->died, 1);
        }
        try_again(watch);
    }
}

static void connect_context(recorder_watch *watch)
{
    watch->context = watch->lib->pa_context_new(
        watch->lib->pa_threaded_mainloop_get_api(watch->loop), "reflection-recorder watch");
    if (watch->context == NULL) {
        try_again(watch);
        return;
    }
    watch->lib->pa_context_set_state_callback(watch->context, on_state, watch);
    if (watch->lib->pa_context_connect(watch->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0) {
        try_again(watch);
    }
}

recorder_watch *recorder_watch_new(const recorder_lib *lib)
{
    recorder_watch *watch = RF_NEW(recorder_watch);
    watch->lib = lib;
    snprintf(watch->pid, sizeof(watch->pid), "%ld", (long)getpid());
    forget_streams(watch);
    watch->loop = watch->lib->pa_threaded_mainloop_new();
    if (watch->loop == NULL) {
        free(watch);
        return NULL;
    }
    connect_context(watch); /* its thread does not run yet */
    if (watch->lib->pa_threaded_mainloop_start(watch->loop) < 0) {
        return recorder_watch_free(watch);
    }
    return watch;
}

recorder_watch *recorder_watch_free(recorder_watch *watch)
{
    if (watch == NULL) {
        return NULL;
    }
    watch->lib->pa_threaded_mainloop_stop(watch->loop);
    if (watch->again != NULL) {
        watch->lib->pa_threaded_mainloop_get_api(watch->loop)->time_free(watch->again);
    }
    drop_context(watch);
    watch->lib->pa_threaded_mainloop_free(watch->loop);
    free(watch);
    return NULL;
}

recorder_watch_state recorder_watch_read(const recorder_watch *watch)
{
    if (watch == NULL) {
        return (recorder_watch_state){0};
    }
    return (recorder_watch_state){.moved = atomic_load(&watch->moved),
                                  .removed = atomic_load(&watch->removed),
                                  .resumed = atomic_load(&watch->resumed),
                                  .died = atomic_load(&watch->died),
                                  .suspended = atomic_load(&watch->suspended)};
}
