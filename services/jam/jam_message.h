/*
 * jam_message.h - one message of a client: JSON text to a plain struct, or to the errors that say
 * what is wrong with it (jam.md section 3). Nothing is clamped, rounded or repaired, and a message
 * with any error is good for nothing but its type and id. Pure functions, any thread. Allocates
 * (a JSON tree, freed before the return): not for the render path.
 */
#ifndef JAM_MESSAGE_H
#define JAM_MESSAGE_H

#include "jam_change.h"

#define JAM_MESSAGE_BYTES_MAX 65536
#define JAM_DEPTH_MAX 8
#define JAM_MEMBERS_MAX 256
#define JAM_ERRORS_MAX 8
#define JAM_ID_SIZE 65
#define JAM_IGNORED_SIZE 2048
#define JAM_TOKEN_SIZE 129

typedef enum jam_code {
    JAM_OUT_OF_RANGE,
    JAM_WRONG_TYPE,
    JAM_BAD_VALUE,
    JAM_IMMUTABLE,
    JAM_DUPLICATE_FIELD,
    JAM_NOT_STARTED,
    JAM_ALREADY_STARTED,
    JAM_NOT_PAUSED,
    JAM_ALREADY_PAUSED,
    JAM_TOO_LATE,
    JAM_UNSUPPORTED,
    JAM_TOO_MANY_PENDING,
    JAM_BUSY,
    JAM_DRAINING,
    JAM_ENGINE_UNAVAILABLE,
    JAM_ENGINE_FAILED,
    JAM_ENGINE_LOST,
    JAM_FORBIDDEN,
    JAM_SESSION_NOT_FOUND,
    JAM_RESUME_UNKNOWN,
    JAM_REPLAY_LOST,
    JAM_CHUNK_TOO_LARGE,
    /* protocol errors: they count, see jam_code_is_protocol */
    JAM_BAD_JSON,
    JAM_BAD_MESSAGE,
    JAM_UNKNOWN_TYPE,
    JAM_RATE_LIMITED,
    JAM_N_CODES,
} jam_code;

/* jam_code_name: "OUT_OF_RANGE" and so on. */
const char *jam_code_name(jam_code code);
bool jam_code_is_protocol(jam_code code);

typedef struct jam_error {
    jam_code code;
    char field[80]; /* "" when it is about no field; "stems.bass.gain_db" for one inside */
    char text[400]; /* for people */
    bool has_limit;
    double min, max;
    bool has_retry; /* BUSY, DRAINING */
    uint32_t retry_after_ms;
    bool has_place; /* BUSY */
    uint32_t queue_place;
} jam_error;

/* jam_error_set fills an error; field may be NULL. jam_error_limit adds the limits. */
void jam_error_set(jam_error *error, jam_code code, const char *field, const char *fmt, ...)
    RF_PRINTF(4, 5);
void jam_error_limit(jam_error *error, double min, double max);

typedef enum jam_type {
    JAM_TYPE_START,
    JAM_TYPE_UPDATE,
    JAM_TYPE_STOP,
    JAM_TYPE_PING,
    JAM_TYPE_PAUSE,
    JAM_TYPE_RESUME,
    JAM_TYPE_RESET_CONTEXT,
    JAM_N_TYPES,
    JAM_TYPE_NONE = JAM_N_TYPES, /* could not be told */
} jam_type;

const char *jam_type_name(jam_type type);

typedef enum jam_role { JAM_ROLE_CONTROLLER, JAM_ROLE_LISTENER } jam_role;

/* Names of fields without effect: n texts, each with its terminator, one after the other. */
typedef struct jam_names {
    char text[JAM_IGNORED_SIZE];
    size_t len;
    size_t n;
} jam_names;

typedef struct jam_message {
    jam_type type;
    char id[JAM_ID_SIZE]; /* "" for none */

    /* start */
    bool binary_audio;
    jam_role role;
    char session_id[JAM_TOKEN_SIZE];   /* "" for none */
    char listen_token[JAM_TOKEN_SIZE]; /* "" for none */
    char resume_token[JAM_TOKEN_SIZE]; /* "" for none */
    bool has_last_index;
    int64_t last_index; /* -1: nothing was received */

    /* start, update, reset_context (seed) */
    jam_change change;

    /* ping */
    bool has_buffer_ms;
    double buffer_ms; /* 0-60000 */

    /* for status.ignored: unknown fields, and those accepted without effect */
    jam_names ignored;
} jam_message;

/* What the parser has to know of the session for rules that join fields. Of a start only
 * crossfade_default is looked at (and by jam_change_parse also `text`). */
typedef struct jam_message_context {
    size_t n_styles;       /* jam_timeline_n_styles */
    uint32_t overlap;      /* V of the session */
    uint32_t chunk_frames; /* H of the session */
    jam_format format;     /* of the session */
    uint32_t bitrate_kbps; /* of the session */
    bool text;             /* a socket of the session takes chunks as text: the size rule holds */
    double crossfade_default; /* seconds; negative: automatic (V-AUTO) */
    bool wide_tempo;          /* bpm 40 to 240, as workflow reflection/jam has it */
} jam_message_context;

/* jam_message_parse reads len bytes. Returns 0, or -EBADMSG with 1 to JAM_ERRORS_MAX errors; type
 * and id are then set as far as they could be told (JAM_TYPE_NONE, ""), and the state of the
 * session (NOT_STARTED, ALREADY_STARTED) should be looked at before the errors are sent. A start
 * without crossfade_seconds has it set by V-AUTO: change.overlap always counts in a start. */
int jam_message_parse(const char *text, size_t len, const jam_message_context *context,
                      jam_message *ret, jam_error errors[JAM_ERRORS_MAX], size_t *ret_n_errors);

/* jam_change_parse reads one object of `params` (of POST /v1/jam/render: its params and each of its
 * controls) under the rules of a start or of an update. As jam_message_parse. */
int jam_change_parse(const char *text, size_t len, jam_type type,
                     const jam_message_context *context, jam_change *ret, jam_names *ret_ignored,
                     jam_error errors[JAM_ERRORS_MAX], size_t *ret_n_errors);

#endif
