#include "platform.h"

#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_rpc.h"
#include "rf_store.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <reflection/job/v1/job.rpc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 32
#define CALL_NS (20 * RF_NS_PER_S)

struct platform {
    char dir[64];
    char data_arg[96];
    const char *worker_args[ARGS_MAX];
    pid_t job;
    pid_t worker;
    pid_t jam; /* 0: not started */
    rf_rpc_channel *channel;
    rf_store *store;
    char application[RF_UUID_LEN];
};

/* ---- processes ---- */

static pid_t spawn(const platform *p, const char *program, const char *const *args)
{
    char path[512];
    const char *argv[ARGS_MAX + 3] = {path, p->data_arg};
    size_t n = 2;
    snprintf(path, sizeof(path), "%s/%s", getenv("REFLECTION_BIN"), program);
    for (size_t i = 0; args != NULL && args[i] != NULL && n < ARGS_MAX; i++) {
        argv[n++] = args[i];
    }
    char log[128];
    snprintf(log, sizeof(log), "%s/%s.log", p->dir, program);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    cr_assert_gt(pid, 0);
    return pid;
}

static void end(pid_t pid, int sig)
{
    int status;
    kill(pid, sig);
    waitpid(pid, &status, 0);
}

/* ---- calls ---- */

static ProtobufCMessage *call(platform *p, const rf_rpc_method *method,
                              const ProtobufCMessage *request, rf_status *st)
{
    const rf_rpc_options options = {.deadline_ns = rf_time_ns() + CALL_NS,
                                    .tenant = p->application};
    ProtobufCMessage *reply = NULL;
    return rf_rpc_invoke(p->channel, method, &options, request, &reply, st) < 0 ? NULL : reply;
}

static void *must(platform *p, const rf_rpc_method *method, const ProtobufCMessage *request)
{
    rf_status st = RF_STATUS_OK;
    void *reply = call(p, method, request, &st);
    cr_assert_not_null(reply, "%s: %s %s", method->name, rf_code_name(st.code), st.message);
    return reply;
}

static void make_application(platform *p)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)(uintptr_t) "test";
    Job__V1__CreateKeyResponse *r = must(p, JOB_V1_KEY_SERVICE_CREATE_KEY, &request.base);
    rf_copy_str(p->application, sizeof(p->application), r->key->application_id);
    rf_rpc_message_free(r);
}

platform *platform_start(const char *const *worker_args)
{
    platform *p = RF_NEW(platform);
    strcpy(p->dir, "/tmp/reflection-workflows-XXXXXX");
    cr_assert_not_null(mkdtemp(p->dir));
    snprintf(p->data_arg, sizeof(p->data_arg), "--data.dir=%s", p->dir);
    for (size_t i = 0; worker_args != NULL && worker_args[i] != NULL; i++) {
        p->worker_args[i] = worker_args[i];
    }
    static const char *const job_args[] = {"--lease.heartbeat_ms=300", "--lease.length_ms=2000",
                                           "--lease.scan_ms=200", "--lease.grace_ms=0", NULL};
    p->job = spawn(p, "reflection-job", job_args);
    p->worker = spawn(p, "reflection-processor", p->worker_args);
    RF_CLEANUP(rf_cleanup_free) char *target = rf_asprintf("ipc://%s/run/job.sock", p->dir);
    RF_CLEANUP(rf_cleanup_free) char *objects = rf_asprintf("dir:%s/objects", p->dir);
    const rf_rpc_channel_config config = {.target = target, .wait_ready_ms = 20000};
    cr_assert_eq(rf_rpc_channel_open(&config, &p->channel), 0);
    make_application(p);
    cr_assert_eq(rf_store_open(objects, &p->store), 0);
    return p;
}

platform *platform_stop(platform *p)
{
    end(p->worker, SIGTERM);
    end(p->job, SIGTERM);
    platform_stop_jam(p, SIGTERM);
    rf_rpc_channel_close(p->channel);
    rf_store_close(p->store);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", p->dir);
    cr_assert_eq(system(command), 0);
    free(p);
    return NULL;
}

void platform_kill_worker(platform *p, int sig)
{
    end(p->worker, sig);
    p->worker = spawn(p, "reflection-processor", p->worker_args);
}

void platform_start_jam(platform *p)
{
    p->jam = spawn(p, "reflection-jam", NULL);
}

void platform_stop_jam(platform *p, int sig)
{
    if (p->jam > 0) {
        end(p->jam, sig);
        p->jam = 0;
    }
}

pid_t platform_worker(const platform *p)
{
    return p->worker;
}

const char *platform_dir(const platform *p)
{
    return p->dir;
}

const char *platform_application(const platform *p)
{
    return p->application;
}

/* ---- uploads ---- */

/* The id between "/uploads/" and the query. */
static void upload_id_of(const char *url, char id[RF_UUID_LEN])
{
    const char *at = strstr(url, "/uploads/");
    cr_assert_not_null(at, "%s", url);
    snprintf(id, RF_UUID_LEN, "%s", at + strlen("/uploads/"));
}

static void put_object(platform *p, const char *key, const void *data, size_t len)
{
    rf_store_put *put = NULL;
    cr_assert_eq(rf_store_put_open(p->store, key, len, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, data, len), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
}

static void complete_upload(platform *p, char *id, const void *data, size_t len)
{
    uint8_t sha256[RF_SHA256_LEN];
    Job__V1__BeginUploadRequest begin = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    begin.upload_id = id;
    Job__V1__BeginUploadResponse *b = must(p, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &begin.base);
    put_object(p, b->object_key, data, len);
    Job__V1__CompleteUploadRequest complete = JOB__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    complete.upload_id = id;
    complete.object_key = b->object_key;
    complete.size = len;
    rf_sha256_of(data, len, sha256);
    complete.sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    rf_rpc_message_free(must(p, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &complete.base));
    rf_rpc_message_free(b);
}

char *platform_upload(platform *p, const void *data, size_t len)
{
    char id[RF_UUID_LEN];
    Job__V1__CreateUploadRequest create = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    Job__V1__CreateUploadResponse *c = must(p, JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &create.base);
    char *url = rf_strdup(c->download_url);
    upload_id_of(c->upload_url, id);
    rf_rpc_message_free(c);
    complete_upload(p, id, data, len);
    return url;
}

/* ---- jobs ---- */

char *platform_create_copying(platform *p, const char *workflow, const char *params_json,
                              const char *output, const char *url)
{
    Job__V1__StringEntry entry = JOB__V1__STRING_ENTRY__INIT;
    Job__V1__StringEntry *entries[] = {&entry};
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    entry.key = (char *)(uintptr_t)output;
    entry.value = (char *)(uintptr_t)url;
    request.name = (char *)(uintptr_t) "test";
    request.workflow = (char *)(uintptr_t)workflow;
    request.params_json = (char *)(uintptr_t)params_json;
    request.copy_results_to = entries;
    request.n_copy_results_to = output == NULL ? 0 : 1;
    rf_status st = RF_STATUS_OK;
    Job__V1__CreateJobResponse *r =
        (Job__V1__CreateJobResponse *)call(p, JOB_V1_JOB_SERVICE_CREATE_JOB, &request.base, &st);
    if (r == NULL) {
        cr_assert_eq(st.code, RF_FAILED_PRECONDITION, "%s: %s", workflow, st.message);
        return NULL;
    }
    char *id = rf_strdup(r->id);
    rf_rpc_message_free(r);
    return id;
}

char *platform_create(platform *p, const char *workflow, const char *params_json)
{
    return platform_create_copying(p, workflow, params_json, NULL, NULL);
}

static char *job_json(const Job__V1__Job *j)
{
    const char *code = j->error == NULL ? "" : j->error->code;
    const char *message = j->error == NULL ? "" : j->error->message;
    return rf_asprintf("{\"status\":\"%s\",\"code\":\"%s\",\"message\":\"%s\",\"result\":%s}",
                       j->status == JOB__V1__JOB_STATUS__SUCCEEDED ? "SUCCEEDED" : "FAILED", code,
                       message, j->result == NULL ? "null" : j->result->text);
}

char *platform_wait(platform *p, const char *id, int timeout_s)
{
    int64_t until_ns = rf_time_ns() + timeout_s * RF_NS_PER_S;
    Job__V1__GetJobRequest request = JOB__V1__GET_JOB_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    while (rf_time_ns() < until_ns) {
        Job__V1__Job *j = must(p, JOB_V1_JOB_SERVICE_GET_JOB, &request.base);
        bool is_final =
            j->status == JOB__V1__JOB_STATUS__SUCCEEDED || j->status == JOB__V1__JOB_STATUS__FAILED;
        char *text = is_final ? job_json(j) : NULL;
        rf_rpc_message_free(j);
        if (is_final) {
            return text;
        }
        usleep(20000);
    }
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("tail -n 5 %s/*.log >&2", p->dir);
    (void)!system(command);
    cr_assert_fail("job %s is not final after %d s", id, timeout_s);
    return NULL;
}

void platform_delete(platform *p, const char *id)
{
    Job__V1__DeleteJobRequest request = JOB__V1__DELETE_JOB_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    rf_rpc_message_free(must(p, JOB_V1_JOB_SERVICE_DELETE_JOB, &request.base));
}

void platform_cancel(platform *p, const char *id)
{
    Job__V1__CancelJobRequest request = JOB__V1__CANCEL_JOB_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    rf_rpc_message_free(must(p, JOB_V1_JOB_SERVICE_CANCEL_JOB, &request.base));
}

static char *read_object(platform *p, const char *key, size_t *ret_len)
{
    rf_store_object *o = NULL;
    cr_assert_eq(rf_store_get(p->store, key, &o), 0, "no object %s", key);
    size_t len = rf_store_object_info(o)->size;
    char *data = malloc(len + 1);
    for (size_t at = 0; at < len;) {
        ssize_t n = rf_store_object_read(o, at, data + at, len - at);
        cr_assert_gt(n, 0);
        at += (size_t)n;
    }
    data[len] = '\0';
    rf_store_object_free(o);
    *ret_len = len;
    return data;
}

char *platform_file(platform *p, const char *id, const char *file_name, size_t *ret_len)
{
    Job__V1__JobOutput output = JOB__V1__JOB_OUTPUT__INIT;
    Job__V1__ResolveFileRequest request = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    output.job_id = (char *)(uintptr_t)id;
    output.file_name = (char *)(uintptr_t)file_name;
    request.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT;
    request.output = &output;
    Job__V1__ResolveFileResponse *r = must(p, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &request.base);
    char *data = read_object(p, r->object_key, ret_len);
    cr_assert_eq(*ret_len, r->size);
    rf_rpc_message_free(r);
    return data;
}
