/* reflection-decode: the program of the decoding children. Started by rf_decode.c only. */
#include "rf_av.h"
#include "rf_log.h"
#include "rf_sandbox_child.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define WINDOW_BYTES (8LL << 20) /* of the result, mapped at a time */

/* The result: a window of the memfd that moves along as it fills. */
typedef struct pcm_window {
    int fd;
    int64_t size;
    int64_t at; /* of the window in the memfd */
    int64_t used;
    uint8_t *bytes;
} pcm_window;

static int move_window(pcm_window *w)
{
    if (w->bytes != NULL) {
        munmap(w->bytes, (size_t)WINDOW_BYTES);
        w->at += WINDOW_BYTES;
    }
    w->used = 0;
    w->bytes = mmap(NULL, (size_t)WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, w->at);
    if (w->bytes == MAP_FAILED) {
        w->bytes = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int write_pcm(void *user, const float *data, int64_t n, uint32_t n_channels)
{
    pcm_window *w = user;
    const uint8_t *from = (const uint8_t *)data;
    int64_t left = n * (int64_t)(n_channels * sizeof(float));
    if (left > w->size - w->at - w->used) {
        return -ENOSPC;
    }
    while (left > 0) {
        if (w->bytes == NULL || w->used == WINDOW_BYTES) {
            int err = move_window(w);
            if (err != 0) {
                return err;
            }
        }
        int64_t part = RF_MIN(left, WINDOW_BYTES - w->used);
        memcpy(w->bytes + w->used, from, (size_t)part);
        w->used += part;
        from += part;
        left -= part;
    }
    return 0;
}

static int run(const rf_sandbox_work *work, void *user)
{
    (void)user;
    rf_decode_task task;
    rf_decode_reply reply;
    if (work->len != sizeof(task) || work->n_fds != RF_DECODE_N_FDS) {
        return 1;
    }
    memcpy(&task, work->data, sizeof(task));
    pcm_window window = {.fd = work->fds[RF_DECODE_FD_PCM], .size = task.limits.max_pcm_bytes};
    rf_av_decode(work->fds[RF_DECODE_FD_FILE], &task, (rf_av_out){write_pcm, &window}, &reply);
    return rf_sandbox_reply(&reply, sizeof(reply)) == 0 ? 0 : 1;
}

int main(void)
{
    rf_log_setup("decode", RF_INFO, RF_LOGFMT);
    rf_av_warm_up();
    return rf_sandbox_serve(&(rf_sandbox_profile){.threads = false}, run, NULL);
}
