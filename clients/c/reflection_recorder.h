/*
 * reflection_recorder.h - a client of the recorder: live audio that is safe once acknowledged,
 * heard while it comes, cut to the sample. Part of libreflection.
 *
 *     reflection_recorder_options options = {.url = "https://127.0.0.1:8443", .key = key,
 *                                            .ca_file = "ca.pem", .rate_hz = 48000};
 *     reflection_recorder_fault fault;
 *     reflection_recorder *recorder = NULL;
 *     reflection_recorder_segment segment;
 *     int err = reflection_recorder_new(&options, &recorder, &fault);
 *     err = err == 0 ? reflection_recorder_init(recorder) : err;
 *     err = err == 0 ? reflection_recorder_start(recorder, NULL, 0) : err;
 *     while (err == 0 && capture(pcm, 480)) {
 *         int64_t n = reflection_recorder_publish(recorder, pcm, 480, -1);
 *         err = n < 0 ? (int)n : 0;
 *     }
 *     err = err == 0 ? reflection_recorder_stop(recorder, &segment) : err;
 *     reflection_recorder_free(recorder);
 *
 * A frame is one sample of every channel at one instant; frames are numbered from 0 in each
 * session. PCM is interleaved and little endian in the recorder's sample format. A session is one
 * recording, from start to stop; a recorder has at most one that captures. Times are UTC, in
 * nanoseconds since 1970.
 *
 *     NEW --init--> READY --close--> CLOSED --init--> READY
 *     session: RECORDING <--pause, resume--> PAUSED; INTERRUPTED while the connection is lost;
 *              --stop--> FINALIZING --> STORED, or PENDING while the store fails (it is tried
 * again)
 *
 * Sources. NETWORK: the program gives the audio with reflection_recorder_publish. The library keeps
 * what the server has not acknowledged as durable, at most 10 s and 4 MiB of it. After a lost
 * connection, or a restart of the server, a call attaches to the session again and sends what is
 * kept once more, so that nothing is lost and nothing is doubled. DEVICE: the server records from a
 * device of its machine. FILE: from a file of its directory for tests, where that is switched on.
 *
 * Threads: the library has none of its own. A recorder is used by one thread at a time, a stream
 * too, on any thread; they are independent of each other. A publisher must call publish, or
 * reflection_recorder_wait, at least every 15 s, for the connection to stay alive.
 *
 * Ownership: what options and arguments point to is copied or used within the call. What a call
 * lends (documents, names, chunks, faults) is good until the next call on the same object.
 *
 * Errors: 0 or more is success, a negative errno is failure, and outputs are then untouched. The
 * fault says it in words for people, and with a code of the recorder where one applies:
 *
 *   code                                       errno
 *   INVALID_ARGUMENT, INVALID_KEY_PART,        -EINVAL        field says which
 *   BAD_MESSAGE, GAP_TOO_LONG
 *   UNSUPPORTED_FORMAT                         -EOPNOTSUPP
 *   UNAUTHENTICATED, FORBIDDEN                 -EACCES
 *   NOT_FOUND, GONE                            -ENOENT
 *   NOT_INITIALISED                            -ENOTCONN      call reflection_recorder_init
 *   ALREADY_RECORDING                          -EALREADY
 *   NOT_RECORDING                              -EPIPE
 *   RANGE_OUTSIDE                              -ERANGE        available says what there is
 *   NO_AUDIO                                   -ENODATA
 *   TOO_MANY_SESSIONS, TOO_MANY_CONSUMERS      -EBUSY
 *   CONSUMER_TOO_SLOW                          -EOVERFLOW
 *   DEVICE_UNAVAILABLE                         -ENODEV
 *   STORE_FAILED                               -EIO           nothing is lost: stop again later
 *   NO_SPACE                                   -ENOSPC
 *   NONE                                       -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH,
 *                                              -ETIMEDOUT, -ECONNRESET: the server was not reached,
 *                                              or is lost; -EKEYREJECTED: its certificate is not
 *                                              trusted, see ca_file; -EPROTO: its answer breaks the
 *                                              protocol; -EMSGSIZE, -ENOMEM, -ECANCELED (by a
 *                                              writer), and what the system's own calls give
 */
#ifndef REFLECTION_RECORDER_H
#define REFLECTION_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REFLECTION_RECORDER_KEY_SIZE 1025            /* bytes of a key with its terminator */
#define REFLECTION_RECORDER_ID_SIZE 33               /* 32 hex digits with their terminator */
#define REFLECTION_RECORDER_CHUNK_BYTES_MAX 67108864 /* of one chunk of a stream */

typedef struct reflection_recorder reflection_recorder;
typedef struct reflection_recorder_stream reflection_recorder_stream;

typedef enum reflection_recorder_code {
    REFLECTION_RECORDER_NONE, /* no code of the recorder: the errno is all */
    REFLECTION_RECORDER_INVALID_ARGUMENT,
    REFLECTION_RECORDER_INVALID_KEY_PART,
    REFLECTION_RECORDER_BAD_MESSAGE,
    REFLECTION_RECORDER_GAP_TOO_LONG,
    REFLECTION_RECORDER_UNSUPPORTED_FORMAT,
    REFLECTION_RECORDER_UNAUTHENTICATED,
    REFLECTION_RECORDER_FORBIDDEN,
    REFLECTION_RECORDER_NOT_FOUND,
    REFLECTION_RECORDER_GONE,
    REFLECTION_RECORDER_NOT_INITIALISED,
    REFLECTION_RECORDER_ALREADY_RECORDING,
    REFLECTION_RECORDER_NOT_RECORDING,
    REFLECTION_RECORDER_RANGE_OUTSIDE,
    REFLECTION_RECORDER_NO_AUDIO,
    REFLECTION_RECORDER_TOO_MANY_SESSIONS,
    REFLECTION_RECORDER_TOO_MANY_CONSUMERS,
    REFLECTION_RECORDER_CONSUMER_TOO_SLOW,
    REFLECTION_RECORDER_DEVICE_UNAVAILABLE,
    REFLECTION_RECORDER_STORE_FAILED,
    REFLECTION_RECORDER_NO_SPACE,
    REFLECTION_RECORDER_N_CODES,
} reflection_recorder_code;

typedef enum reflection_recorder_state_kind {
    REFLECTION_RECORDER_NEW,
    REFLECTION_RECORDER_READY, /* no session yet */
    REFLECTION_RECORDER_CLOSED,
    REFLECTION_RECORDER_RECORDING,
    REFLECTION_RECORDER_PAUSED,
    REFLECTION_RECORDER_INTERRUPTED,
    REFLECTION_RECORDER_FINALIZING,
    REFLECTION_RECORDER_PENDING,
    REFLECTION_RECORDER_STORED,
    REFLECTION_RECORDER_RECOVERED,
    REFLECTION_RECORDER_DELETED,
} reflection_recorder_state_kind;

typedef enum reflection_recorder_source {
    REFLECTION_RECORDER_NETWORK,
    REFLECTION_RECORDER_DEVICE,
    REFLECTION_RECORDER_FILE,
} reflection_recorder_source;

typedef enum reflection_recorder_sample {
    REFLECTION_RECORDER_INT16,
    REFLECTION_RECORDER_INT24, /* packed in 3 bytes */
    REFLECTION_RECORDER_INT32,
    REFLECTION_RECORDER_FLOAT32,
    REFLECTION_RECORDER_INT8, /* this and the next are kept as int16, exactly */
    REFLECTION_RECORDER_UINT8,
} reflection_recorder_sample;

typedef enum reflection_recorder_format {
    REFLECTION_RECORDER_DEFAULT, /* stored: WAV; streams, segments: PCM */
    REFLECTION_RECORDER_PCM,
    REFLECTION_RECORDER_WAV,
    REFLECTION_RECORDER_MP3,
    REFLECTION_RECORDER_OPUS, /* in Ogg */
    REFLECTION_RECORDER_FLAC,
} reflection_recorder_format;

/* Zero and NULL mean the default in brackets. */
typedef struct reflection_recorder_options {
    const char *url;     /* https, http, wss or ws; a path goes before /v1 and /ws; required */
    const char *key;     /* API key, sent in the Authorization header [none] */
    const char *ca_file; /* PEM of the authorities to trust [the system's] */
    int64_t timeout_ms;  /* of one call, 1 to 600,000; stop waits 30 s longer [10,000] */
    int64_t attach_ms;   /* how long a lost connection is tried again; 0 to 3,600,000, -1 for not at
                            all [60,000, as long as the server waits] */

    reflection_recorder_source source; /* [network] */
    const char *source_name; /* DEVICE: its index or name [the server's default]; FILE: its
                                name */
    reflection_recorder_sample sample_format; /* [int16] */
    uint32_t channels;                        /* 1 to 8 [1] */
    uint32_t rate_hz;                         /* 8,000 to 192,000 [16,000] */
    uint32_t chunk_frames; /* default chunk of streams, 64 to 65,536 frames [1,024] */
    reflection_recorder_format store_format; /* of what stop stores [wav] */
    const char *settings; /* JSON object of options by name, for instance {"split":"silence",
                             "mp3_kbps":192}, as `options` of POST /v1/recordings [{}] */
} reflection_recorder_options;

/* What there is of a session, where a range lay outside. */
typedef struct reflection_recorder_available {
    int64_t from_ns;
    int64_t to_ns;
    int64_t from_frame;
    int64_t to_frame; /* behind the last */
} reflection_recorder_available;

/* Why something failed. Texts are "" and numbers 0 where they do not apply. */
typedef struct reflection_recorder_fault {
    int err; /* the negative errno */
    reflection_recorder_code code;
    bool retryable;         /* the same call may succeed later */
    int http_status;        /* when the server answered by HTTP */
    int close_code;         /* RFC 6455, when the connection was closed; 1006: it was cut */
    int64_t retry_after_ms; /* when the server said */
    bool has_available;
    reflection_recorder_available available;
    char field[64]; /* the field at fault */
    char message[512];
} reflection_recorder_fault;

/* A finished segment, as stop gives it. */
typedef struct reflection_recorder_segment {
    char session[REFLECTION_RECORDER_ID_SIZE];
    char key[REFLECTION_RECORDER_KEY_SIZE];
    reflection_recorder_state_kind state; /* STORED or RECOVERED */
    char end_reason[32];                  /* stop, source_end, max_length, source_lost, ... */
    uint32_t sequence;                    /* from 1 */
    int64_t frames;
    int64_t duration_ms;
    int64_t started_at_ns;
    int64_t ended_at_ns;
    int64_t bytes;     /* of the stored file */
    char sha256[65];   /* of it, hexadecimal */
    bool has_loudness; /* EBU R128: */
    double integrated_lufs;
    double range_lu;
    double true_peak_dbtp;
    const char *json; /* the whole document: gaps, markers, time map, ...; lent */
} reflection_recorder_segment;

/* A session as it stands. */
typedef struct reflection_recorder_info {
    reflection_recorder_state_kind state;
    int64_t frames;         /* had by the server */
    int64_t durable_frames; /* of them, safe */
    int64_t started_at_ns;
    const char *json; /* the whole document: gaps, pauses, markers, segments, drift, ...; NULL where
                         there is no session; lent */
} reflection_recorder_info;

typedef struct reflection_recorder_device {
    int index;
    char name[256];
    char api[32]; /* ALSA, JACK, ... */
    uint32_t channels;
    uint32_t default_rate_hz;
    bool is_default;
} reflection_recorder_device;

/* What audio is turned into. Zero means the session's own. */
typedef struct reflection_recorder_output {
    reflection_recorder_format format; /* [pcm] */
    uint32_t channels;                 /* 1 to 8; mp3 1 to 2 */
    uint32_t rate_hz;                  /* 8,000 to 192,000 */
} reflection_recorder_output;

/* A place in a session. */
typedef enum reflection_recorder_place {
    REFLECTION_RECORDER_AUTO,  /* from: the beginning; to: the end. Streams, markers: now */
    REFLECTION_RECORDER_FRAME, /* value is a frame number */
    REFLECTION_RECORDER_UTC,   /* value is a time in ns; not for streams */
} reflection_recorder_place;

typedef struct reflection_recorder_bound {
    reflection_recorder_place place;
    int64_t value;
} reflection_recorder_bound;

/* reflection_recorder_writer takes the bytes of a file, piece by piece in order. A result that is
 * not 0 ends the call with -ECANCELED. */
typedef int (*reflection_recorder_writer)(void *user, const void *data, size_t len);

/* ---- life ---- */

/* reflection_recorder_new makes a recorder in state NEW; nothing is connected. On failure *ret is
 * untouched and *fault (may be NULL) says why: -EINVAL, -ENOMEM. */
int reflection_recorder_new(const reflection_recorder_options *options, reflection_recorder **ret,
                            reflection_recorder_fault *fault);

/* reflection_recorder_free drops the connection and frees; a session that was not stopped stays
 * INTERRUPTED for the server's attach window (60 s) and is then stored. NULL is fine. Returns
 * NULL. */
reflection_recorder *reflection_recorder_free(reflection_recorder *r);

/* reflection_recorder_init connects, and checks key and server. NEW or CLOSED becomes READY;
 * otherwise it does nothing. */
int reflection_recorder_init(reflection_recorder *r);

/* reflection_recorder_close stops a session that captures and gives up the connection. The recorder
 * is CLOSED also when stopping failed; the error then is that of stop, and the audio is kept by the
 * server. */
int reflection_recorder_close(reflection_recorder *r);

/* reflection_recorder_last_fault says why the last call failed; lent until free. */
const reflection_recorder_fault *reflection_recorder_last_fault(const reflection_recorder *r);

/* ---- a session ---- */

/* reflection_recorder_start begins a session. Its key is {prefix}/{prefixes}/{uuid}.{ext}; each
 * prefix is split at "/": together at most 16 parts of 1 to 128 bytes each (letters, digits,
 * . _ - = @ +, UTF-8 from U+00A0; no dot in front), else INVALID_KEY_PART. NULL and 0 are none.
 * Errors: NOT_INITIALISED, ALREADY_RECORDING, NO_SPACE, TOO_MANY_SESSIONS, DEVICE_UNAVAILABLE. */
int reflection_recorder_start(reflection_recorder *r, const char *const *prefixes,
                              size_t n_prefixes);

/* reflection_recorder_current_key gives the key from start until the segment is stored, else NULL;
 * reflection_recorder_session the id of the last session, NULL before the first. Lent. */
const char *reflection_recorder_current_key(const reflection_recorder *r);
const char *reflection_recorder_session(const reflection_recorder *r);

/* reflection_recorder_select makes an older session the last one, for segment, stream, peaks,
 * clear_frames and state. ALREADY_RECORDING while one captures. */
int reflection_recorder_select(reflection_recorder *r, const char *session);

/* reflection_recorder_publish appends frames of the network source, n_frames x channels samples.
 * They are taken as long as there is room for frames that are not durable yet, else it waits at
 * most timeout_ms (0: not at all; -1: as long as it must). While the connection is lost a call may
 * last 2 s longer. Returns how many frames were taken; the rest is to be offered again. Errors:
 * NOT_RECORDING, also when the server has ended the session; -ECONNRESET when attach_ms is over. */
int64_t reflection_recorder_publish(reflection_recorder *r, const void *pcm, size_t n_frames,
                                    int64_t timeout_ms);

/* reflection_recorder_gap says that n_frames (up to 24 h) were lost by the program; they become
 * silence, so that what follows keeps its place. */
int reflection_recorder_gap(reflection_recorder *r, int64_t n_frames);

/* reflection_recorder_anchor says at which UTC a published frame was captured, where the program
 * knows it better than the server, which takes the time of arrival. */
int reflection_recorder_anchor(reflection_recorder *r, int64_t frame, int64_t utc_ns);

/* reflection_recorder_wait sends, receives and attaches again as publish does, until so many frames
 * are durable or timeout_ms is over (0: takes what is there). Returns the frames that are durable
 * by then, of those published (*ret_published, may be NULL). */
int64_t reflection_recorder_wait(reflection_recorder *r, int64_t durable_frames, int64_t timeout_ms,
                                 int64_t *ret_published);

/* reflection_recorder_pause and _resume return the next frame of the session; what is published
 * during a pause is left out. Without effect, and without error, when it is so already. */
int64_t reflection_recorder_pause(reflection_recorder *r);
int64_t reflection_recorder_resume(reflection_recorder *r);

/* reflection_recorder_marker marks a place with a label of 1 to 256 bytes; at most 10,000 a
 * session. Returns the session's next frame. */
int64_t reflection_recorder_marker(reflection_recorder *r, reflection_recorder_bound at,
                                   const char *label);

/* reflection_recorder_stop ends the session after the last published frame, waits until it is
 * stored and gives its last segment, which is empty where there was no audio. STORE_FAILED: it is
 * PENDING; a later call tries again and gives the same segment. NOT_RECORDING when there is none,
 * or its segment was given already. */
int reflection_recorder_stop(reflection_recorder *r, reflection_recorder_segment *ret);

/* reflection_recorder_state asks how recorder and session stand; READY, NEW and CLOSED need no
 * server. */
int reflection_recorder_state(reflection_recorder *r, reflection_recorder_info *ret);

/* reflection_recorder_clear_frames moves the lower bound of extraction to the end; what is or will
 * be stored, and streams, do not change. Never fails by state. */
int reflection_recorder_clear_frames(reflection_recorder *r);

/* ---- audio out ---- */

typedef struct reflection_recorder_cut {
    reflection_recorder_bound from;
    reflection_recorder_bound to; /* behind the last frame */
    reflection_recorder_output output;
    bool clip;        /* cut to what there is, instead of RANGE_OUTSIDE */
    uint32_t wait_ms; /* for a `to` that is still to come, 0 to 10,000 */
} reflection_recorder_cut;

typedef struct reflection_recorder_extract {
    int64_t first_frame; /* of the session */
    int64_t n_frames;    /* of the session */
    bool exact;          /* false: read from what was stored with losses (MP3, Opus) */
    int64_t bytes;       /* written */
    char content_type[64];
} reflection_recorder_extract;

/* reflection_recorder_segment_write gives the audio of a range as one file, the frames nearest to
 * both bounds and none beside, to writer on this thread. ret may be NULL. Errors:
 * RANGE_OUTSIDE with what there is, NO_AUDIO, UNSUPPORTED_FORMAT, -ECANCELED. */
int reflection_recorder_segment_write(reflection_recorder *r, const reflection_recorder_cut *cut,
                                      reflection_recorder_writer writer, void *user,
                                      reflection_recorder_extract *ret);

typedef struct reflection_recorder_peaks_options {
    bool json;                 /* audiowaveform's .json instead of .dat */
    uint32_t frames_per_pixel; /* 2 to 65,536 [the session's: 256] */
    uint32_t bits;             /* 8 or 16 [the session's: 8] */
    reflection_recorder_bound from;
    reflection_recorder_bound to;
} reflection_recorder_peaks_options;

/* reflection_recorder_peaks gives the peaks for drawing (audiowaveform, version 2) to writer;
 * options may be NULL. */
int reflection_recorder_peaks(reflection_recorder *r,
                              const reflection_recorder_peaks_options *options,
                              reflection_recorder_writer writer, void *user);

typedef struct reflection_recorder_listen {
    bool from_start;                /* from frame 0, instead of `from` */
    reflection_recorder_bound from; /* AUTO: now; or FRAME */
    reflection_recorder_output output;
    uint32_t chunk_frames; /* at the output rate, 16 frames to 60 s [the session's] */
    bool standalone;       /* each chunk is a file of its own; else all joined are one */
    bool drop; /* more than 10 s behind it jumps on; else it reads all at its own pace */
} reflection_recorder_listen;

typedef struct reflection_recorder_chunk {
    const void *data;      /* lent until the next call on the stream */
    size_t len;            /* up to REFLECTION_RECORDER_CHUNK_BYTES_MAX */
    int64_t first_frame;   /* of the session, where the chunk begins */
    uint32_t n_frames;     /* at the output rate */
    int64_t dropped_first; /* frames of the session dropped before it */
    int64_t n_dropped;
} reflection_recorder_chunk;

/* reflection_recorder_stream_open hears the session, live or afterwards, over a connection of its
 * own; the recording does not notice. listen may be NULL. The stream may be used on another thread,
 * and outlive the recorder. PCM chunks have exactly chunk_frames, the last may have fewer; MP3 and
 * Opus chunks are within one codec frame of it. Errors: NOT_RECORDING, TOO_MANY_CONSUMERS,
 * UNSUPPORTED_FORMAT, -EMSGSIZE. */
int reflection_recorder_stream_open(reflection_recorder *r,
                                    const reflection_recorder_listen *listen,
                                    reflection_recorder_stream **ret);

/* reflection_recorder_stream_read waits at most timeout_ms (-1: for ever) for a chunk. Returns 1
 * with *ret, 0 when none was whole in time, or -EPIPE after the last one. */
int reflection_recorder_stream_read(reflection_recorder_stream *stream, int64_t timeout_ms,
                                    reflection_recorder_chunk *ret);

/* reflection_recorder_stream_fault as reflection_recorder_last_fault; _stream_fd is to be polled
 * for reading, after a read with timeout 0 has returned 0; _stream_close frees, NULL is fine. */
const reflection_recorder_fault *
reflection_recorder_stream_fault(const reflection_recorder_stream *stream);
int reflection_recorder_stream_fd(const reflection_recorder_stream *stream);
reflection_recorder_stream *reflection_recorder_stream_close(reflection_recorder_stream *stream);

/* ---- devices and names ---- */

/* reflection_recorder_list_devices gives the server's input devices, to be freed with
 * reflection_recorder_free_devices. Needs the scope recorder.device, else FORBIDDEN;
 * NOT_INITIALISED in NEW and CLOSED. */
int reflection_recorder_list_devices(reflection_recorder *r, reflection_recorder_device **ret,
                                     size_t *ret_n);
void reflection_recorder_free_devices(reflection_recorder_device *devices);

/* Names as the server writes them: "RANGE_OUTSIDE", "RECORDING", "int16", "wav". _parse gives the
 * value of a name, -1 when there is none such. */
const char *reflection_recorder_code_name(reflection_recorder_code code);
const char *reflection_recorder_state_name(reflection_recorder_state_kind state);
const char *reflection_recorder_sample_name(reflection_recorder_sample sample);
const char *reflection_recorder_format_name(reflection_recorder_format format);
int reflection_recorder_sample_parse(const char *name);
int reflection_recorder_format_parse(const char *name);
int reflection_recorder_state_parse(const char *name);

/* Bytes of one sample of one channel. */
size_t reflection_recorder_sample_size(reflection_recorder_sample sample);

#ifdef __cplusplus
}
#endif

#endif
