/*
 * reflection_jam.h - a client of jam sessions: endless music over one WebSocket, steered while it
 * plays. Part of libreflection.
 *
 *     reflection_jam_options options = {.url = "https://127.0.0.1:8443", .key = key,
 *                                       .ca_file = "ca.pem", .params = "{\"styles\":\"jazz\"}"};
 *     reflection_jam_fault fault;
 *     reflection_jam *jam = NULL;
 *     int n = reflection_jam_open(&options, &jam, &fault);
 *     for (reflection_jam_event e; n >= 0 && (n = reflection_jam_next(jam, 5000, &e)) > 0;) {
 *         if (e.kind == REFLECTION_JAM_CHUNK) { play(e.chunk.samples, e.chunk.n_samples); }
 *     }
 *     reflection_jam_close(jam);
 *
 * Audio is float32 in native order, interleaved left and right, 48,000 sample pairs a second; here
 * "sample" always means such a pair. Samples are counted from 0 at the start of the session.
 * Consecutive chunks overlap by `overlap` samples, see reflection_jam_join_push.
 *
 * Threads: the library has none of its own. A session may be used by one thread at a time, on any
 * thread; different sessions are independent. Only opening and reconnecting look up names, which
 * may block longer than their timeout.
 *
 * Ownership: what options point to is copied. What an event points to is lent until the next call
 * of reflection_jam_next, _reconnect or _close on its session.
 *
 * Errors are negative errno; the fault beside them says the same in words for people:
 *   -EINVAL        an argument is wrong, or the server refused a value: code, field and limit tell
 *   -EACCES        key missing or unknown, Origin or scope refused (HTTP 401 or 403, FORBIDDEN)
 *   -ENOENT        no such session or token, or no jam service behind the URL
 *   -EOPNOTSUPP    the engine is not there, or lacks what was asked
 *   -EIO           the engine failed
 *   -EBUSY         no room, or the server is stopping: try again after retry_after_ms
 *   -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT   the server was not reached
 *   -EKEYREJECTED  the server's certificate is not trusted; see ca_file
 *   -ECONNRESET    the connection was lost: reflection_jam_reconnect goes on where it was
 *   -EPROTO        the answer breaks the protocol; the connection is of no more use
 *   -EMSGSIZE      a message is larger than 1 MiB
 *   -EAGAIN        256 KiB wait to be sent: call reflection_jam_next first
 *   -EPIPE         the session has ended: nothing more comes, nothing can be sent
 *   -ENOMEM, and what the system's own calls give
 */
#ifndef REFLECTION_JAM_H
#define REFLECTION_JAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REFLECTION_JAM_RATE_HZ 48000
#define REFLECTION_JAM_CHANNELS 2
#define REFLECTION_JAM_STYLES_MAX 16
#define REFLECTION_JAM_SAMPLES_MAX                                                                 \
    110400 /* of a chunk: 50 frames of 40 ms, stretched, and overlap */

typedef struct reflection_jam reflection_jam;

/* Zero and NULL mean the default in brackets. */
typedef struct reflection_jam_options {
    const char *url;     /* ws, wss, http or https; path [/ws/jam]; required */
    const char *key;     /* API key, sent in the Authorization header [none] */
    const char *ca_file; /* PEM of the authorities to trust [the system's] */
    const char *params;  /* JSON object, as `params` of the start message [{}] */
    int64_t timeout_ms;  /* for all of opening, waiting for room included; 1 to 600,000 [10,000] */

    /* Instead of a session of one's own: */
    const char *session_id;   /* join this one, 26 characters [none] */
    bool listener;            /* with session_id: hear it, without steering */
    const char *resume_token; /* go on with the session of this token [none] */
    int64_t last_index;       /* with resume_token: last chunk had, -1 for none */
} reflection_jam_options;

/* Why something failed. Texts are "" and numbers 0 where they do not apply. */
typedef struct reflection_jam_fault {
    int err;                /* the negative errno */
    int http_status;        /* when the server answered without upgrading */
    int close_code;         /* RFC 6455, when the server closed the connection; 1006: it was cut */
    int64_t retry_after_ms; /* with -EBUSY */
    bool has_limit;         /* limit_min and limit_max hold the range of field */
    double limit_min;
    double limit_max;
    char code[32];  /* OUT_OF_RANGE, BUSY, ...: of the server's error message */
    char field[64]; /* the field at fault */
    char message[512];
} reflection_jam_fault;

/* The session as the server has begun it. */
typedef struct reflection_jam_info {
    char session_id[64];
    char engine[64];
    char format[16]; /* wav-f32, wav-s16, flac or opus */
    char pace[16];   /* realtime or asap */
    char role[16];   /* controller or listener */
    char resume_token[64];
    uint32_t seed;
    uint32_t overlap;      /* samples that consecutive chunks share, 0 to 4,800 */
    uint32_t chunk_frames; /* 1 to 50, of 40 ms each */
    bool resumed;
    uint64_t next_index; /* of the next chunk */
} reflection_jam_info;

typedef enum reflection_jam_kind {
    REFLECTION_JAM_CHUNK,
    REFLECTION_JAM_STATUS,
    REFLECTION_JAM_ERROR,   /* something asked for was refused; the stream goes on */
    REFLECTION_JAM_STOPPED, /* the last event */
    REFLECTION_JAM_PONG,
} reflection_jam_kind;

typedef struct reflection_jam_style {
    const char *name;
    double weight; /* of all together 1 */
} reflection_jam_style;

typedef struct reflection_jam_chunk {
    const float *samples; /* 2 * n_samples values; NULL in format flac and opus: decode file */
    size_t n_samples;     /* up to REFLECTION_JAM_SAMPLES_MAX */
    const void *file;     /* as it came, one complete file in the session's format */
    size_t file_len;      /* bytes */
    uint64_t index;
    uint64_t start_sample;
    uint32_t overlap; /* the last of its samples that come again with the next chunk */
    /* In force at start_sample: */
    reflection_jam_style styles[REFLECTION_JAM_STYLES_MAX];
    size_t n_styles;
    uint64_t rev; /* of the controls */
    double bpm;
    uint64_t bar; /* from 1 */
    double beat;  /* 1.0 to below 5.0 */
    double generation_ms;
    double lead_ms; /* ahead of schedule; negative: late */
} reflection_jam_chunk;

typedef struct reflection_jam_status {
    uint64_t rev;              /* of the controls; 0 when not told */
    int64_t applied_at_sample; /* -1 when not told */
} reflection_jam_status;

typedef struct reflection_jam_stopped {
    char reason[32]; /* client, ended, max_duration, pause_timeout, controller_lost, draining,
                        engine */
    uint64_t chunks_sent;
    uint64_t samples_sent;
} reflection_jam_stopped;

typedef struct reflection_jam_event {
    reflection_jam_kind kind;
    const char *json; /* the whole message, for the fields that have no place here */
    const char *id;   /* of the request that it answers; "" when there was none */
    union {
        reflection_jam_chunk chunk;
        reflection_jam_status status;
        reflection_jam_fault error;
        reflection_jam_stopped stopped;
    };
} reflection_jam_event;

/* reflection_jam_open connects, starts and waits until the server has begun. While it answers BUSY
 * the start is sent again as it asks, until timeout_ms. On success *ret is a session to be closed
 * with reflection_jam_close; on failure it is untouched and *fault (may be NULL) says why. */
int reflection_jam_open(const reflection_jam_options *options, reflection_jam **ret,
                        reflection_jam_fault *fault);

/* reflection_jam_close drops the connection and frees the session; one that was not stopped is
 * kept by the server for 30 s, for its resume token. NULL is fine. Returns NULL. */
reflection_jam *reflection_jam_close(reflection_jam *jam);

/* reflection_jam_info_of gives what the server said at the last start; lent until close. */
const reflection_jam_info *reflection_jam_info_of(const reflection_jam *jam);

/* reflection_jam_last_fault says why the last call failed; lent until close. */
const reflection_jam_fault *reflection_jam_last_fault(const reflection_jam *jam);

/* reflection_jam_next sends what waits, answers pings and waits at most timeout_ms (0: takes what
 * is there; -1: for ever) for the next event. Returns 1 with *ret filled, 0 when there was none in
 * time, or a negative errno; -EPIPE after REFLECTION_JAM_STOPPED. */
int reflection_jam_next(reflection_jam *jam, int64_t timeout_ms, reflection_jam_event *ret);

/* To wait in a loop of one's own: poll reflection_jam_fd for reflection_jam_poll_events, but only
 * after reflection_jam_next with timeout 0 has returned 0, because bytes may have been read ahead.
 * The descriptor is new after reflection_jam_reconnect; -1 when there is no connection. */
int reflection_jam_fd(const reflection_jam *jam);
short reflection_jam_poll_events(const reflection_jam *jam);

/* Each of these sends one message and returns 0 or a negative errno. The answer comes as an event:
 * a status, or an error. `id` (1 to 64 bytes of UTF-8, or NULL) comes back with it. */

/* reflection_jam_update changes controls; fields is a JSON object of them, for instance
 * {"bpm":128,"ramp_ms":4000}. Absent fields keep their value. */
int reflection_jam_update(reflection_jam *jam, const char *fields, const char *id);
int reflection_jam_pause(reflection_jam *jam, const char *id);
int reflection_jam_resume(reflection_jam *jam, const char *id);

/* reflection_jam_reset_context clears the composer's memory and keeps the controls; seed is 0 to
 * 2,147,483,647, or -1 to keep it. */
int reflection_jam_reset_context(reflection_jam *jam, int64_t seed, const char *id);

/* reflection_jam_ping asks for a pong. buffer_ms tells what the player still has, 0 to 60,000, so
 * that the server can follow the player's clock; -1 tells nothing. */
int reflection_jam_ping(reflection_jam *jam, int64_t buffer_ms, const char *id);

/* reflection_jam_stop ends the session; chunks that are on their way and REFLECTION_JAM_STOPPED
 * still come. */
int reflection_jam_stop(reflection_jam *jam);

/* reflection_jam_reconnect connects again and goes on with the session after the last chunk had,
 * by its resume token; the server keeps the audio of the last 10 s and the session for 30 s.
 * reflection_jam_info_of(jam)->resumed says whether it went on; when audio was lost meanwhile an
 * event REFLECTION_JAM_ERROR with code REPLAY_LOST comes first. After a failure that may pass it
 * can be tried again. */
int reflection_jam_reconnect(reflection_jam *jam, int64_t timeout_ms);

/* A join makes one stream of overlapping chunks: in each overlap the old samples fade into the new
 * ones with equal gain. The two are equal in a lossless format, and the stream then is the
 * engine's, bit for bit. One join belongs to one session, also over reconnections. */
typedef struct reflection_jam_join reflection_jam_join;

/* NULL when there is no memory. */
reflection_jam_join *reflection_jam_join_new(void);
reflection_jam_join *reflection_jam_join_free(reflection_jam_join *join);

/* reflection_jam_join_push takes a decoded chunk and gives the samples that are final now, lent
 * until the next call on join. Returns 0, or -EINVAL for a chunk without samples. */
int reflection_jam_join_push(reflection_jam_join *join, const reflection_jam_chunk *chunk,
                             const float **ret_samples, size_t *ret_n);

/* reflection_jam_join_flush gives the overlap of the last chunk, after which no other follows. */
void reflection_jam_join_flush(reflection_jam_join *join, const float **ret_samples, size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
