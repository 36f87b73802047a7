/*
 * jam_answer.h - the JSON texts of the server but for chunks (jam.md section 4). Each writes into
 * the caller's bytes (JAM_ANSWER_SIZE is enough for any) and returns their number. No heap, any
 * thread.
 */
#ifndef JAM_ANSWER_H
#define JAM_ANSWER_H

#include "jam_message.h"
#include "jam_recording_info.h"
#include "jam_stream.h"

#define JAM_ANSWER_SIZE 16384

typedef struct jam_started {
    const char *id; /* of the message; NULL or "" for none, here and below */
    const char *session_id;
    const jam_engine *engine;
    const jam_settings *settings;
    const jam_controls *controls; /* its styles, resolved */
    uint64_t seed;
    jam_role role;
    const char *resume_token; /* NULL for none */
    bool resumed;
    int64_t next_index;
} jam_started;

size_t jam_answer_started(const jam_started *started, char *ret, size_t cap);

typedef struct jam_style_match {
    const char *style; /* as the client wrote it */
    const char *name;  /* NULL: none, neutral */
    double score;      /* 0-1 */
} jam_style_match;

/* jam_style_matches asks the engine for each style; returns how many. */
size_t jam_style_matches(const jam_engine *engine, const jam_controls *controls,
                         jam_style_match ret[JAM_STYLES_MAX]);

typedef struct jam_status {
    const char *id;
    uint32_t rev;
    int64_t applied_at_sample; /* negative: none */
    jam_field_set updated;
    const jam_names *ignored; /* NULL, or empty: none */
    jam_field_set unsupported;
    const jam_when *scheduled; /* NULL: none */
    bool has_late;
    double late_ms;
    bool has_slip;
    double slip_ms;
    bool has_skip;
    int64_t skip_from, skip_to; /* samples */
    bool paused, resumed, reset;
    uint64_t seed; /* of a reset */
    bool draining;
    uint32_t deadline_ms;
    const jam_style_match *matches;
    size_t n_matches;
    const jam_recording_info *recording; /* NULL: none */
} jam_status;

size_t jam_answer_status(const jam_status *status, char *ret, size_t cap);

size_t jam_answer_error(const jam_error *error, const char *id, char *ret, size_t cap);

typedef enum jam_reason {
    JAM_REASON_CLIENT,
    JAM_REASON_ENDED,
    JAM_REASON_MAX_DURATION,
    JAM_REASON_PAUSE_TIMEOUT,
    JAM_REASON_CONTROLLER_LOST,
    JAM_REASON_DRAINING,
    JAM_REASON_ENGINE,
    JAM_N_REASONS,
} jam_reason;

const char *jam_reason_name(jam_reason reason);

size_t jam_answer_stopped(jam_reason reason, int64_t chunks_sent, int64_t samples_sent,
                          const char *id, char *ret, size_t cap);
size_t jam_answer_pong(const char *id, char *ret, size_t cap);

#endif
