/*
 * recorder_change.h - one durable fact of a session; the journal keeps them between its audio.
 * Plain data without pointers, copied freely; pure functions, any thread.
 *
 * Packed: u8 version, u8 kind, u64 seq, then the fields of the kind, little endian, strings with a
 * u16 of length. Nothing may follow.
 */
#ifndef RECORDER_CHANGE_H
#define RECORDER_CHANGE_H

#include "recorder_gaps.h"
#include "recorder_key.h"
#include "recorder_map.h"
#include "recorder_options.h"
#include "recorder_sample.h"
#include "rf_buf.h"

#define RECORDER_ID_LEN 16
#define RECORDER_TENANT_MAX 128      /* bytes */
#define RECORDER_SOURCE_NAME_MAX 255 /* bytes */
#define RECORDER_TRACE_MAX 64        /* bytes */
#define RECORDER_LABEL_MAX 256       /* bytes */
#define RECORDER_SHA256_LEN 32
#define RECORDER_CHUNK_MIN 64
#define RECORDER_CHUNK_MAX 65536
#define RECORDER_FRAMES_MAX (INT64_C(31) * 86400 * RECORDER_RATE_MAX)
#define RECORDER_CHANGE_MAX 2048 /* bytes packed */

/* The numbers are those on disk. */
typedef enum recorder_change_kind {
    RECORDER_CHANGE_START = 1,
    RECORDER_CHANGE_GAP,
    RECORDER_CHANGE_PAUSE,
    RECORDER_CHANGE_RESUME,
    RECORDER_CHANGE_MARKER,
    RECORDER_CHANGE_MAP,
    RECORDER_CHANGE_CLOCK_STEP,
    RECORDER_CHANGE_CLEAR,
    RECORDER_CHANGE_INTERRUPTED,
    RECORDER_CHANGE_ATTACHED,
    RECORDER_CHANGE_FINALIZE,
    RECORDER_CHANGE_SEGMENT,
    RECORDER_CHANGE_SILENCE,
    RECORDER_CHANGE_STORED,
    RECORDER_CHANGE_PENDING,
    RECORDER_CHANGE_DELETED,
    RECORDER_CHANGE_CUT, /* the next segment is decided; SEGMENT says that it is stored */
    RECORDER_CHANGE_END, /* one more than the last */
} recorder_change_kind;

typedef enum recorder_source {
    RECORDER_SOURCE_DEVICE = 0,
    RECORDER_SOURCE_NETWORK,
    RECORDER_SOURCE_FILE,
    RECORDER_N_SOURCES,
} recorder_source;

typedef enum recorder_reason {
    RECORDER_REASON_STOP = 0,
    RECORDER_REASON_SOURCE_END,
    RECORDER_REASON_MAX_LENGTH,
    RECORDER_REASON_SOURCE_LOST,
    RECORDER_REASON_DISK_FULL,
    RECORDER_REASON_RECOVERED, /* the process had died and nobody attached again */
    RECORDER_N_REASONS,
} recorder_reason;

const char *recorder_source_name(recorder_source source);
const char *recorder_reason_name(recorder_reason reason);

typedef struct recorder_start {
    uint8_t id[RECORDER_ID_LEN];
    char tenant[RECORDER_TENANT_MAX + 1];
    char folder[RECORDER_KEY_SIZE];      /* of its keys, recorder_key_folder */
    uint8_t key_id[RECORDER_KEY_ID_LEN]; /* of the first segment */
    recorder_source source;
    char source_name[RECORDER_SOURCE_NAME_MAX + 1]; /* device or file; may be empty */
    recorder_sample_format sample_format;           /* as kept: not int8, uint8 */
    recorder_sample_format sent_format;             /* as it comes; of the call alone, not packed */
    uint32_t channels;                              /* 1..8 */
    uint32_t rate_hz;                               /* 8,000..192,000 */
    uint32_t chunk;                                 /* 64..65,536 frames */
    recorder_store_format store_format;
    recorder_options options;
    int64_t utc_offset_ns;   /* UTC minus monotonic (T3) */
    int64_t requested_at_ns; /* UTC of the start() call */
    uint32_t preroll_frames; /* frames from before the call */
    char trace_id[RECORDER_TRACE_MAX + 1];
} recorder_start;

/* EBU R128 of a segment; -infinity for what silence or less than 400 ms has not. */
typedef struct recorder_loudness {
    bool known;
    float integrated_lufs;
    float range_lu;
    float true_peak_dbtp;
} recorder_loudness;

typedef struct recorder_segment {
    uint8_t key_id[RECORDER_KEY_ID_LEN];
    int64_t first_frame;
    int64_t n_frames;
    uint64_t bytes; /* of the stored object */
    uint8_t sha256[RECORDER_SHA256_LEN];
    recorder_loudness loudness;
} recorder_segment;

typedef struct recorder_change {
    recorder_change_kind kind;
    uint64_t seq; /* of the session's changes, from 1 */
    union {
        recorder_start start;
        recorder_gap gap;
        struct {
            int64_t frame; /* the first one behind it; of a resume: the first one that is audio */
            int64_t utc_ns;
        } at; /* PAUSE, RESUME, CLEAR (frame alone), INTERRUPTED, STORED, PENDING, DELETED (utc) */
        struct {
            int64_t frame;
            int64_t utc_ns;
            char label[RECORDER_LABEL_MAX + 1]; /* 1..256 bytes of UTF-8 */
        } marker;
        struct {
            uint32_t index;
            recorder_piece piece;
            bool drift_known;
            double drift_ppm;
            double drift_error_ppm;
        } map;
        struct {
            int64_t frame;
            int64_t step_ms;
        } clock_step;
        struct {
            int64_t frame;         /* the first one that the source sends again */
            int64_t utc_offset_ns; /* read anew: the machine may have been started again */
        } attached;
        struct {
            recorder_reason reason;
            int64_t frames; /* of the whole session */
        } finalize;
        struct {
            uint32_t sequence; /* from 1 */
            recorder_segment segment;
            uint8_t next_key_id[RECORDER_KEY_ID_LEN]; /* of the segment after it */
        } segment;
        struct {
            int64_t first_frame;
            int64_t n_frames;
        } span; /* SILENCE, CUT: they follow each other without a hole */
    };
} recorder_change;

/* recorder_start_check: -EINVAL when a field is out of its range; *ret_field names it. */
int recorder_start_check(const recorder_start *start, const char **ret_field);

/* recorder_change_pack appends the bytes. Returns 0; -EINVAL for a change that unpack would refuse
 * (nothing is appended); an error of rf_buf_append. */
int recorder_change_pack(const recorder_change *change, rf_buf *out);

/* recorder_change_unpack reads what pack wrote. -EBADMSG for anything else, values out of their
 * ranges included; -ENOTSUP for another version. */
int recorder_change_unpack(const void *data, size_t len, recorder_change *ret);

#endif
