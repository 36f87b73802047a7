#include "gateway_routes.h"

#include "gateway_download.h"
#include "gateway_events.h"
#include "gateway_jam.h"
#include "gateway_job.h"
#include "gateway_query.h"
#include "gateway_recorder.h"
#include "gateway_static.h"
#include "gateway_ticket.h"
#include "gateway_upload.h"
#include "gateway_workflow.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define GATEWAY_SESSION_ID_LEN 26
#define GATEWAY_RECORDING_ID_LEN 32

const gateway_route gateway_routes[] = {
    {GATEWAY_GET, "/healthz", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_static_healthz, NULL, "Says that the gateway lives", NULL, NULL, "Health", "",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/readyz", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_static_readyz, NULL, "Says whether requests can be served", NULL, NULL, "Health",
     "503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/openapi.json", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_static_openapi, NULL, "This document", NULL, NULL, "Any", "", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/job/{id}/status", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_POLL,
     gateway_job_status, "job.v1.JobService/GetJobStatus",
     "The state of a job; with wait, once it has changed", "wait", NULL, "JobState",
     "400,401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/job/{id}/events", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_events_listen, "job.v1.JobService/WatchJob",
     "What happens to a job, as Server-Sent Events; 204 behind its last one", "lastEventId", NULL,
     "text/event-stream", "204:,401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/job/{id}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_POLL,
     gateway_job_get, "job.v1.JobService/GetJob", "A job", "include", NULL, "Job",
     "400,401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/job", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_job_list, "job.v1.JobService/ListJobs", "The application's jobs, newest first",
     "status,workflow,batchName,page,size", NULL, "JobList", "400,401,429,503",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/job", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON, GATEWAY_LIMIT_GENERAL,
     gateway_job_create, "job.v1.JobService/CreateJob", "Starts a job", "idempotencyKey", "NewJob",
     "JobId", "400,401,404,409,413,415,422,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_DELETE, "/job/{id}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_job_delete, "job.v1.JobService/DeleteJob", "Deletes a job and its files", "uploads",
     NULL, "JobId", "400,401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/job/{id}/cancel", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_job_cancel, "job.v1.JobService/CancelJob", "Cancels a job",
     NULL, NULL, "JobState", "401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/job/{id}/redrive", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_job_redrive, "job.v1.JobService/RedriveJob",
     "Makes a new job of one that is out of retries", NULL, NULL, "JobId", "401,404,409,429,503",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/batch/{name}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_POLL,
     gateway_job_batch, "job.v1.JobService/GetBatch", "How far the jobs of one batchName are", NULL,
     NULL, "Batch", "401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/upload", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_job_upload, "job.v1.JobService/CreateUpload", "URLs for one upload", NULL, NULL,
     "Upload", "401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/workflow", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_job_workflows, "job.v1.JobService/ListWorkflows", "Workflows that jobs may name",
     "page,size", NULL, "WorkflowList", "400,401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/workflow", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON, GATEWAY_LIMIT_GENERAL,
     gateway_workflow_add, "job.v1.JobService/AddWorkflow",
     "Adds a workflow that the application alone sees; with replace a new version of one", NULL,
     "NewWorkflow", "Workflow", "400,401,409,413,415,422,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_DELETE, "/workflow/{id}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_workflow_delete, "job.v1.JobService/DeleteWorkflow",
     "Deletes a workflow of the application; its jobs go on", NULL, NULL, "WorkflowId",
     "401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/application", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_job_application, "job.v1.JobService/GetApplication", "The application of the key",
     NULL, NULL, "Application", "401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/application/webhook-secret", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_job_webhook_secret, "job.v1.JobService/RotateWebhookSecret",
     "A new secret for the application's webhooks; the one before signs a day more", NULL, NULL,
     "WebhookSecret", "401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_PUT, "/uploads/{id}", false, GATEWAY_AUTH_SIGN_PUT, GATEWAY_BODY_STREAM,
     GATEWAY_LIMIT_NONE, gateway_upload_put, "job.v1.JobService/CompleteUpload",
     "Takes the bytes of an upload, once", "e,k,s,contentDigest", "", "Empty",
     "400,403,404,408,409,413,503,507", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/uploads/{id}", false, GATEWAY_AUTH_SIGN_GET, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_NONE, gateway_download_upload, "job.v1.JobService/ResolveFile",
     "The bytes of an upload", "e,k,s,range", NULL, "", "403,404,416,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/files/{id}/{name}", false, GATEWAY_AUTH_SIGN_GET, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_NONE, gateway_download_result, "job.v1.JobService/ResolveFile",
     "An output of a job", "e,k,s,range", NULL, "", "403,404,416,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/ws/jam", false, GATEWAY_AUTH_SOCKET, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_jam_socket, "jam.v1.JamService/Socket",
     "The WebSocket of the jam service; /asyncapi.json describes it", "apiKey,ticket", NULL, "Any",
     "400,401,403,426,429,503", GATEWAY_SERVICE_JAM},
    {GATEWAY_POST, "/socket-tickets", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON,
     GATEWAY_LIMIT_GENERAL, gateway_ticket_post, NULL,
     "A ticket by which a browser opens a WebSocket within a minute", NULL, "NewTicket", "Ticket",
     "401,413,415,422,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/jam/sessions", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_jam_sessions, "jam.v1.JamService/ListSessions", "The application's jam sessions",
     "limit,cursor", NULL, "Any", "400,401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/jam/sessions/{session}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_jam_session, "jam.v1.JamService/GetSession", "A jam session",
     NULL, NULL, "Any", "401,404,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/jam/engines", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_jam_engines, "jam.v1.JamService/GetEngines", "Engines that jam sessions may name",
     NULL, NULL, "Any", "401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/jam/render", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON, GATEWAY_LIMIT_GENERAL,
     gateway_jam_render, "jam.v1.JamService/Render", "Renders music to one file; X-Seed names it",
     NULL, "Render", "", "400,401,413,415,422:FieldError,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/health", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_jam_health, "jam.v1.JamService/GetHealth", "The state of the jam service", NULL, NULL,
     "Any", "503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/model/config", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_jam_model_config, "jam.v1.JamService/GetModelConfig",
     "What the jam service plays with", NULL, NULL, "Any", "503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/asyncapi.json", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE, GATEWAY_LIMIT_NONE,
     gateway_jam_async_api, "jam.v1.JamService/GetAsyncApi", "The AsyncAPI document of /ws/jam",
     NULL, NULL, "Any", "503", GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/recordings", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON, GATEWAY_LIMIT_GENERAL,
     gateway_recorder_start, "recorder.v1.Recorder/Start", "Starts a recording", "idempotencyKey",
     "NewRecording", "201:RecordingBrief",
     "400:RecordingError,401,413,415:RecordingError,429:RecordingError,503:RecordingError,"
     "507:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE, GATEWAY_LIMIT_GENERAL,
     gateway_recorder_list, "recorder.v1.Recorder/List",
     "The application's recordings, newest first",
     "recordingState,startedFrom,startedTo,prefix,pageSize,cursor", NULL, "RecordingList",
     "400:RecordingError,401,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings/{recording}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_POLL, gateway_recorder_get, "recorder.v1.Recorder/Get", "A recording", NULL,
     NULL, "Recording", "400:RecordingError,401,404,410,429,503", GATEWAY_SERVICE_NONE},
    {GATEWAY_DELETE, "/recordings/{recording}", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_delete, "recorder.v1.Recorder/Delete",
     "Deletes a recording that has ended, or with local clears what extracts may read",
     "discard,local", NULL,
     "204:", "400:RecordingError,401,404,409:RecordingError,410,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/recordings/{recording}:stop", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_stop, "recorder.v1.Recorder/Stop",
     "Ends a recording and waits until it is stored; the same answer each time", NULL, NULL,
     "RecordingSegment",
     "202:RecordingError,400:RecordingError,401,404,409:RecordingError,410,429,"
     "503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/recordings/{recording}:pause", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_pause, "recorder.v1.Recorder/Pause",
     "Pauses a recording", NULL, NULL, "RecordingFrame",
     "400:RecordingError,401,404,409:RecordingError,410,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/recordings/{recording}:resume", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_resume, "recorder.v1.Recorder/Resume",
     "Goes on with a paused recording", NULL, NULL, "RecordingFrame",
     "400:RecordingError,401,404,409:RecordingError,410,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_POST, "/recordings/{recording}:marker", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_JSON,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_marker, "recorder.v1.Recorder/Marker",
     "Marks a place in a recording", NULL, "NewMarker", "RecordingFrame",
     "400:RecordingError,401,404,409:RecordingError,410,413,415,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings/{recording}/segment", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_segment, "recorder.v1.Recorder/Segment",
     "A range of a recording, cut to the frame",
     "segmentFrom,segmentTo,format,rate,channels,matrix,dither,bitrateKbps,clip,waitMs", NULL, "",
     "400:RecordingError,401,404,410,415:RecordingError,416:RecordingError,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings/{recording}/stream", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_stream, "recorder.v1.Recorder/Stream",
     "A recording as it comes, up to its end",
     "streamFrom,format,rate,channels,matrix,dither,bitrateKbps,chunkSize,framing,lagPolicy,"
     "lagLimitMs",
     NULL, "",
     "400:RecordingError,401,404,409:RecordingError,410,415:RecordingError,429:RecordingError,"
     "503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings/{recording}/peaks", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_peaks, "recorder.v1.Recorder/Peaks",
     "The waveform of a recording, as audiowaveform writes it",
     "peaksFormat,spp,bits,segmentFrom,segmentTo", NULL, "",
     "400:RecordingError,401,404,410,415:RecordingError,416:RecordingError,429,503:RecordingError",
     GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recordings/{recording}/notes", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_notes, "recorder.v1.Recorder/GetNotes",
     "What the publisher has put beside a recording: the control log of a jam", NULL, NULL, "Any",
     "400:RecordingError,401,404,410,429,503:RecordingError", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/recorder/devices", true, GATEWAY_AUTH_KEY, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_devices, "recorder.v1.Recorder/ListDevices",
     "Input devices of the recorder's machine", NULL, NULL, "RecordingDevices",
     "400:RecordingError,401,403:RecordingError,429,503:RecordingError", GATEWAY_SERVICE_NONE},
    {GATEWAY_GET, "/ws/recorder", false, GATEWAY_AUTH_SOCKET, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_GENERAL, gateway_recorder_socket, "recorder.v1.Recorder/Socket",
     "The WebSocket of the recorder; /recorder/asyncapi.json describes it", "apiKey,ticket", NULL,
     "Any", "400,401,403,426,429,503", GATEWAY_SERVICE_RECORDER},
    {GATEWAY_GET, "/recorder/asyncapi.json", false, GATEWAY_AUTH_NONE, GATEWAY_BODY_NONE,
     GATEWAY_LIMIT_NONE, gateway_recorder_async_api, "recorder.v1.Recorder/GetAsyncApi",
     "The AsyncAPI document of /ws/recorder", NULL, NULL, "Any", "400:RecordingError,503",
     GATEWAY_SERVICE_NONE},
};
const size_t gateway_n_routes = RF_ARRAY_LEN(gateway_routes);

static int strip_prefix(char *path)
{
    static const char *const prefixes[] = {"/v1", "/api"};
    for (size_t i = 0; i < RF_ARRAY_LEN(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(path, prefixes[i], len) == 0 && path[len] == '/') {
            memmove(path, path + len, strlen(path + len) + 1);
            return 1;
        }
    }
    return 0;
}

int gateway_routes_path(const char *path, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (path[i] == '/' && n > 0 && out[n - 1] == '/') {
            continue;
        }
        if (n == GATEWAY_PATH_MAX - 1) {
            return -ENAMETOOLONG;
        }
        out[n++] = path[i];
    }
    out[n] = '\0';
    return strip_prefix(out);
}

/* ---- segments with a name ---- */

/* Each says whether the segment is one of its kind at all; a malformed one leaves "". */

static bool take_id(const char *segment, size_t len, char *id, char *name)
{
    (void)name;
    id[0] = '\0';
    if (len == RF_UUID_LEN - 1) {
        memcpy(id, segment, len);
        id[len] = '\0';
        id[0] = rf_uuid4_valid(id) ? id[0] : '\0';
    }
    return true;
}

static bool take_session(const char *segment, size_t len, char *id, char *name)
{
    (void)name;
    id[0] = '\0';
    if (len != GATEWAY_SESSION_ID_LEN) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)segment[i])) {
            return true;
        }
    }
    memcpy(id, segment, len);
    id[len] = '\0';
    return true;
}

static bool take_recording(const char *segment, size_t len, char *id, char *name)
{
    (void)name;
    id[0] = '\0';
    if (len == GATEWAY_RECORDING_ID_LEN) {
        memcpy(id, segment, len);
        id[len] = '\0';
        id[0] = strspn(id, "0123456789abcdef") == len ? id[0] : '\0';
    }
    return memchr(segment, ':', len) == NULL;
}

static bool take_name(const char *segment, size_t len, char *id, char *name)
{
    (void)id;
    if (gateway_query_decode(segment, len, false, name, GATEWAY_NAME_MAX) < 0) {
        name[0] = '\0';
    }
    return true;
}

/* kind is what stands in the template, want bytes: a name in braces, and what must follow it. */
static bool take_segment(const char *kind, size_t want, const char *segment, size_t len, char *id,
                         char *name)
{
    static const struct {
        const char *kind;
        bool (*take)(const char *segment, size_t len, char *id, char *name);
    } kinds[] = {{"{id}", take_id},
                 {"{session}", take_session},
                 {"{recording}", take_recording},
                 {"{name}", take_name}};
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        size_t n = strlen(kinds[i].kind);
        if (want < n || strncmp(kinds[i].kind, kind, n) != 0) {
            continue;
        }
        size_t tail = want - n;
        return len > tail && memcmp(segment + len - tail, kind + n, tail) == 0 &&
               kinds[i].take(segment, len - tail, id, name);
    }
    return false;
}

/* Walks template and path segment by segment. */
static bool matches(const char *template, const char *path, char *id, char *name)
{
    while (*template == '/' && *path == '/') {
        template ++;
        path++;
        size_t want = strcspn(template, "/");
        size_t have = strcspn(path, "/");
        if (have == 0) {
            return false;
        }
        bool same = *template == '{' ? take_segment(template, want, path, have, id, name)
                                     : want == have && memcmp(template, path, want) == 0;
        if (!same) {
            return false;
        }
        template += want;
        path += have;
    }
    return *template == '\0' && *path == '\0';
}

unsigned gateway_routes_find(gateway_method method, const char *path, bool prefixed,
                             const gateway_route **ret_route, char id[RF_UUID_LEN],
                             char name[GATEWAY_NAME_MAX])
{
    unsigned methods = 0;
    *ret_route = NULL;
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const gateway_route *r = &gateway_routes[i];
        if (r->prefixed != prefixed || !matches(r->path, path, id, name)) {
            continue;
        }
        methods |= r->method | (r->method == GATEWAY_GET ? GATEWAY_HEAD : 0u);
        if (r->method == method || (r->method == GATEWAY_GET && method == GATEWAY_HEAD)) {
            *ret_route = r;
            return methods;
        }
    }
    return methods;
}

const gateway_route *gateway_routes_socket(const char *path)
{
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const gateway_route *r = &gateway_routes[i];
        if (r->auth == GATEWAY_AUTH_SOCKET && strcmp(r->path, path) == 0) {
            return r;
        }
    }
    return NULL;
}
