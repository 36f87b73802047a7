/*
 * gateway_recorder_ask.h - the query of the recorder's routes (spec recorder.md section 8): one
 * table of what each route takes, with kinds and ranges. Pure; any thread.
 */
#ifndef GATEWAY_RECORDER_ASK_H
#define GATEWAY_RECORDER_ASK_H

#include "rf_base.h"

#define GATEWAY_RECORDER_GAINS_MAX 64 /* 8 channels x 8 */

/* Routes with a query. */
typedef enum gateway_recorder_route {
    GATEWAY_RECORDER_LIST = 1,
    GATEWAY_RECORDER_SEGMENT = 2,
    GATEWAY_RECORDER_STREAM = 4,
    GATEWAY_RECORDER_PEAKS = 8,
    GATEWAY_RECORDER_DELETE = 16,
    GATEWAY_RECORDER_NOTHING = 32, /* takes none */
} gateway_recorder_route;

/* What a query says; 0 and "" where it says nothing. */
typedef struct gateway_recorder_ask {
    char from[64]; /* a time, "f:" and a frame, "now", "start": the service's to read */
    char to[64];
    char state[32];
    char prefix[1024];
    char cursor[64];
    char format[16];
    char framing[16];
    char lag_policy[16];
    uint32_t page_size;
    uint32_t rate;
    uint32_t channels;
    uint32_t bitrate_kbps;
    uint32_t chunk_size;
    uint32_t lag_limit_ms;
    uint32_t wait_ms;
    uint32_t spp;
    uint32_t bits;
    bool clip;
    bool dither;
    bool discard;
    bool local;
    float matrix[GATEWAY_RECORDER_GAINS_MAX];
    size_t n_matrix;
} gateway_recorder_ask;

/* Why a query is refused. */
typedef struct gateway_recorder_fault {
    char field[64];
    char message[160]; /* names field and limit */
} gateway_recorder_fault;

/* gateway_recorder_ask_read fills *ret. Returns 0, or -EINVAL with *ret_fault: a name that the
 * route does not take or that comes twice, or a value outside its range. */
int gateway_recorder_ask_read(const char *query, size_t len, gateway_recorder_route route,
                              gateway_recorder_ask *ret, gateway_recorder_fault *ret_fault);

#endif
