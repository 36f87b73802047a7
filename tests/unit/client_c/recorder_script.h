/*
 * recorder_script.h - what scripts of server.h say as a recorder does, and recorders that hear it.
 */
#ifndef RECORDER_SCRIPT_H
#define RECORDER_SCRIPT_H

#include "reflection_recorder.h"
#include "server.h"

#include <jansson.h>

#define WAIT_MS 5000
#define SESSION "0123456789abcdef0123456789abcdef"
#define KEY "recordings/a/0123456789abcdef0123456789abcdef.wav"
#define SEGMENT                                                                                    \
    "{\"session\":\"" SESSION "\",\"key\":\"" KEY "\",\"format\":\"wav\",\"state\":\"STORED\","    \
    "\"end_reason\":\"stop\",\"sha256\":\"ab\",\"sequence\":1,\"sample_rate\":16000,"              \
    "\"frame_count\":300,\"duration_ms\":19,\"bytes\":680,"                                        \
    "\"started_at\":\"2026-01-02T03:04:05.000000001Z\","                                           \
    "\"ended_at\":\"2026-01-02T03:04:05.018750001Z\","                                             \
    "\"loudness\":{\"integrated_lufs\":-23.5,\"range_lu\":4.5,\"true_peak_dbtp\":-1.5}}"

/* ---- for scripts ---- */

/* script_request reads a request of this type, which stays in script_noted until the next; its
 * number, -1 when it is another. script_answer answers one with these fields. */
extern json_t *script_noted;
int64_t script_request(server *s, const char *type);
void script_answer(server *s, int64_t req, const char *fields);

/* script_begin reads a start or attach and answers it with started or attached; stream 7. */
void script_begin(server *s, const char *request, const char *type, int64_t next, int64_t window);
void script_ack(server *s, int64_t durable);
void script_stop(server *s); /* reads a stop, answers with SEGMENT */

/* script_read reads a message of audio. */
typedef struct script_audio {
    int type, flags, stream_id;
    uint32_t n_frames;
    uint64_t first_frame;
    size_t n_bytes;
    int16_t first_sample;
} script_audio;
bool script_read(server *s, script_audio *ret);

void script_http(server *s, int status, const char *headers, const char *body);

/* ---- for tests ---- */

/* script_recorder makes one, script_started one with a session; script_ramp gives samples that
 * spell their frame. */
reflection_recorder *script_recorder(const char *url, int64_t attach_ms);
reflection_recorder *script_started(const server *s);
reflection_recorder_code script_code(const reflection_recorder *r);
const int16_t *script_ramp(int64_t first, size_t n);

#endif
