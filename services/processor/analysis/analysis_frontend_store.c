#include "analysis_frontend_store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "analysis_onset.h"
#include "analysis_source.h"
#include "analysis_tone.h"

int analysis_frontend_alloc(analysis_frontend *frontend, double duration_s)
{
    double n_pairs = duration_s * ANALYSIS_RATE_HZ;
    frontend->duration_s = duration_s;
    frontend->onset_rate_hz = (double)ANALYSIS_RATE_HZ / ANALYSIS_ONSET_HOP;
    frontend->tone_rate_hz = (double)ANALYSIS_RATE_HZ / ANALYSIS_TONE_HOP;
    if (n_pairs > 0) {
        frontend->n_onset = (size_t)(n_pairs / ANALYSIS_ONSET_HOP) + 1;
        frontend->n_tone = (size_t)(n_pairs / ANALYSIS_TONE_HOP) + 1;
    }
    size_t n_tone = RF_MAX(frontend->n_tone, (size_t)1);
    frontend->flux = calloc(RF_MAX(frontend->n_onset, (size_t)1), ANALYSIS_N_FLUX * sizeof(float));
    frontend->notes = calloc(n_tone, ANALYSIS_N_NOTES * sizeof(float));
    frontend->timbre = calloc(n_tone, ANALYSIS_N_TIMBRE * sizeof(float));
    frontend->level = calloc(n_tone, sizeof(float));
    bool ok = frontend->flux != NULL && frontend->notes != NULL && frontend->timbre != NULL &&
              frontend->level != NULL;
    return ok ? 0 : -ENOMEM;
}

analysis_frontend *analysis_frontend_free(analysis_frontend *frontend)
{
    if (frontend != NULL) {
        free(frontend->flux);
        free(frontend->notes);
        free(frontend->timbre);
        free(frontend->level);
        free(frontend);
    }
    return NULL;
}

/* The saved form: this head, then the arrays in the order of the struct. */
typedef struct saved_head {
    char magic[8];
    double duration_s;
    double tuning_hz;
} saved_head;

static const char SAVED_MAGIC[8] = "rfanal1";

typedef struct saved_array {
    float *data;
    size_t n;
} saved_array;

enum { N_ARRAYS = 4 };

static void list_arrays(const analysis_frontend *frontend, saved_array ret[N_ARRAYS])
{
    ret[0] = (saved_array){frontend->flux, frontend->n_onset * ANALYSIS_N_FLUX};
    ret[1] = (saved_array){frontend->notes, frontend->n_tone * ANALYSIS_N_NOTES};
    ret[2] = (saved_array){frontend->timbre, frontend->n_tone * ANALYSIS_N_TIMBRE};
    ret[3] = (saved_array){frontend->level, frontend->n_tone};
}

static int write_all(int fd, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        at += RF_MAX(n, 0);
        size -= (size_t)RF_MAX(n, 0);
    }
    return 0;
}

static int read_all(int fd, void *ret, size_t size)
{
    for (char *at = ret; size > 0;) {
        ssize_t n = read(fd, at, size);
        if (n == 0) {
            return -EBADMSG;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        at += RF_MAX(n, 0);
        size -= (size_t)RF_MAX(n, 0);
    }
    return 0;
}

int analysis_frontend_save(const analysis_frontend *frontend, int fd)
{
    saved_head head = {.duration_s = frontend->duration_s, .tuning_hz = frontend->tuning_hz};
    saved_array arrays[N_ARRAYS];
    memcpy(head.magic, SAVED_MAGIC, sizeof(head.magic));
    list_arrays(frontend, arrays);
    int err = write_all(fd, &head, sizeof(head));
    for (int a = 0; a < N_ARRAYS && err == 0; a++) {
        err = write_all(fd, arrays[a].data, arrays[a].n * sizeof(float));
    }
    return err;
}

static bool head_is_sane(const saved_head *head)
{
    return memcmp(head->magic, SAVED_MAGIC, sizeof(head->magic)) == 0 && head->duration_s >= 0.0 &&
           head->duration_s <= ANALYSIS_DURATION_MAX_S + 1.0 && head->tuning_hz > 400.0 &&
           head->tuning_hz < 480.0;
}

static int read_arrays(analysis_frontend *frontend, int fd)
{
    saved_array arrays[N_ARRAYS];
    list_arrays(frontend, arrays);
    for (int a = 0; a < N_ARRAYS; a++) {
        int err = read_all(fd, arrays[a].data, arrays[a].n * sizeof(float));
        for (size_t i = 0; i < arrays[a].n && err == 0; i++) {
            err = arrays[a].data[i] >= 0.0f && arrays[a].data[i] < 1e9f ? 0 : -EBADMSG;
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

int analysis_frontend_load(int fd, analysis_frontend **ret)
{
    saved_head head;
    int err = read_all(fd, &head, sizeof(head));
    if (err == 0 && !head_is_sane(&head)) {
        err = -EBADMSG;
    }
    if (err < 0) {
        return err;
    }
    analysis_frontend *frontend = RF_NEW(analysis_frontend);
    err = analysis_frontend_alloc(frontend, head.duration_s);
    frontend->tuning_hz = head.tuning_hz;
    if (err == 0) {
        err = read_arrays(frontend, fd);
    }
    if (err < 0) {
        analysis_frontend_free(frontend);
        return err;
    }
    *ret = frontend;
    return 0;
}
