/*
 * cli_recordings.h - `reflection recordings`: what its commands share, and places in a recording as
 * people write them.
 */
#ifndef CLI_RECORDINGS_H
#define CLI_RECORDINGS_H

#include "cli_http.h"
#include "rf_base.h"
#include "rf_buf.h"

#define CLI_RECORDINGS_PATH_MAX 2048 /* bytes of the path of a request */
#define CLI_PLACE_SIZE 64            /* of a place in a request */

/* What is asked for; NULL where nothing is. */
typedef struct cli_recordings_ask {
    cli_http *http;
    const cli_server *server;
    const char *id;
    const char *data;
    const char *state, *prefix, *from, *to;
    const char *out, *format;
    const char *rate, *channels, *wait_ms, *spp, *bits;
    int64_t limit;
    bool clip;
    bool as_json;
} cli_recordings_ask;

/* cli_recordings_add adds name=value, escaped, behind what path has; nothing for NULL. */
void cli_recordings_add(rf_buf *path, const char *name, const char *value);

/* Members of a document: "" and 0 where they are absent. */
const char *cli_recordings_text(const json_t *o, const char *name);
int64_t cli_recordings_number(const json_t *o, const char *name);

/* cli_recordings_get gives the document of the session; an exit code. cli_recordings_print prints
 * one. */
int cli_recordings_get(const cli_recordings_ask *a, json_t **ret) RF_MUST_USE;
void cli_recordings_print(const json_t *json);

/* Commands. */
int cli_recordings_cut(const cli_recordings_ask *a);
int cli_recordings_peaks(const cli_recordings_ask *a);
int cli_recordings_play_info(const cli_recordings_ask *a);

/* cli_recordings_place turns a place into that of a request: "f:" and a frame number, a time with
 * its zone ("2026-01-02T03:04:05.5Z"), or seconds from the beginning ("90", "1:30.25",
 * "1:00:00"), which become a frame at rate_hz. 0, or -EINVAL. */
int cli_recordings_place(const char *text, uint32_t rate_hz, char ret[CLI_PLACE_SIZE]) RF_MUST_USE;

#endif
