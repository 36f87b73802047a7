/* program.c - a service of the smallest kind, driven by test_life_cycle.c. */
#include "rf_service.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>

typedef struct program_config {
    bool fail;
    char *outside;
    int64_t ready_after_ms;
    int64_t work_ms;
} program_config;

typedef struct program {
    const program_config *config;
    int64_t started_ns;
    int64_t drained_ns;
} program;

static const rf_setting settings[] = {
    RF_SETTING_BOOL(program_config, fail, "fail", "false", "start fails"),
    RF_SETTING_STR(program_config, outside, "outside", "", "",
                   "what cannot be used; empty: all can"),
    RF_SETTING_INT(program_config, ready_after_ms, "ready.after", "ms", "0", 0, 10000,
                   "time until ready"),
    RF_SETTING_INT(program_config, work_ms, "work", "ms", "0", 0, 60000, "work left at the end"),
};

static int check(const void *config)
{
    const char *outside = ((const program_config *)config)->outside;
    if (outside[0] == '\0') {
        return 0;
    }
    RF_LOG_WARN("first", RF_STR("setting", outside), RF_STR("why", "it is\naway"),
                RF_STR("detail", "asked twice"));
    RF_LOG_ERROR("then", RF_STR("setting", outside), RF_STR("why", "nothing works"));
    RF_LOG_ERROR("also", RF_STR("setting", "other"), RF_STR("why", "so is this"));
    RF_LOG_INFO("beside", RF_STR("setting", "third"), RF_STR("why", "of no interest"));
    return -EHOSTUNREACH;
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    (void)service;
    const program_config *c = config;
    if (c->fail) {
        return -EADDRINUSE;
    }
    program *p = RF_NEW(program);
    p->config = c;
    p->started_ns = rf_time_ns();
    *ret_state = p;
    return 0;
}

static bool ready(void *state, char *why, size_t why_size)
{
    const program *p = state;
    rf_copy_str(why, why_size, "warming up");
    return rf_time_ns() - p->started_ns >= p->config->ready_after_ms * RF_NS_PER_MS;
}

static void drain(void *state)
{
    ((program *)state)->drained_ns = rf_time_ns();
    puts("drain");
    fflush(stdout);
}

static bool idle(void *state)
{
    const program *p = state;
    return rf_time_ns() - p->drained_ns >= p->config->work_ms * RF_NS_PER_MS;
}

static void stop(void *state)
{
    puts("stop");
    free(state);
}

int main(int argc, char **argv)
{
    static const rf_service_def def = {
        .name = "program",
        .summary = "a service for tests",
        .settings = settings,
        .n_settings = RF_ARRAY_LEN(settings),
        .config_size = sizeof(program_config),
        .check = check,
        .start = start,
        .ready = ready,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
