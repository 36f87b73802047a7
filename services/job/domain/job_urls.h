/*
 * job_urls.h - the URLs that this service signs, and own URLs that clients hand back (spec jobs.md
 * 2.5): uploads under /uploads/<id>, results under /files/<job>/<output>.<extension>.
 * Read-only after new: any thread may use it.
 */
#ifndef JOB_URLS_H
#define JOB_URLS_H

#include "job_arena.h"
#include "rf_base.h"
#include "rf_sign.h"

typedef struct job_urls job_urls;

/* job_urls_new takes the public base ("https://host:port", a '/' at its end is dropped) and borrows
 * the signer. Returns -EINVAL unless the base begins with https:// and has a host and no path. */
int job_urls_new(const char *public_base, const rf_signer *signer, job_urls **ret) RF_MUST_USE;
job_urls *job_urls_free(job_urls *u);

/* Signed URLs, in the arena; until_ms is when they stop working. */
char *job_urls_upload(const job_urls *u, job_arena *arena, const char *method,
                      const char *upload_id, int64_t until_ms);
char *job_urls_result(const job_urls *u, job_arena *arena, const char *job_id, const char *output,
                      const char *extension, int64_t until_ms);

typedef enum job_url_kind {
    JOB_URL_OUTSIDE,
    JOB_URL_UPLOAD,    /* id */
    JOB_URL_FILE,      /* id of the job, file_name */
    JOB_URL_BAD,       /* own, but the signature does not hold or it has expired */
    JOB_URL_RECORDING, /* "recording:KEY", inputs only: id is the key, of the caller's application
                        */
} job_url_kind;

typedef struct job_url {
    job_url_kind kind;
    const char *id;
    const char *file_name;
} job_url;

/* job_urls_classify says what an URL given by a client is, for method "GET" (inputs) or "PUT"
 * (copyResultsTo). Strings of *ret live in the arena. */
void job_urls_classify(const job_urls *u, job_arena *arena, const char *method, const char *url,
                       int64_t now_ms, job_url *ret);

/* job_urls_recording_key gives KEY of "recording:KEY", NULL for any other text. */
const char *job_urls_recording_key(const char *url);

/* job_urls_recording names a recording of an application, as an input keeps it;
 * job_urls_recording_object gives the key in the object store of such an input, NULL of another.
 */
char *job_urls_recording(job_arena *arena, const char *app, const char *key);
const char *job_urls_recording_object(job_arena *arena, const char *url);

#endif
