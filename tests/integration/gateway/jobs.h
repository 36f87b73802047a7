/*
 * jobs.h - jobs as a client makes them, over HTTP. What is not as it should be ends the test.
 */
#ifndef GATEWAY_JOBS_H
#define GATEWAY_JOBS_H

#include "rf_id.h"

#include <stddef.h>

#define JSON "Content-Type: application/json\r\n"
#define CHORDS "music-ai/generate-chords"
#define BODY(name)                                                                                 \
    "{\"name\":\"" name "\",\"workflow\":\"" CHORDS                                                \
    "\",\"params\":{\"inputUrl\":\"https://h.example/x.mp3\",\"gain\":0.10}}"

/* jobs_create makes a job of the fixture's key and writes its id, which must be one (Q2). */
void jobs_create(const char *body, char id[RF_UUID_LEN]);

/* jobs_path writes the path of a job with what follows its id. */
void jobs_path(char *out, size_t size, const char *id, const char *rest);

#endif
