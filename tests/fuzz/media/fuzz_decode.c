/* The decode path of the child, in process: our own envelope parsers, then libav with the same
 * whitelist. */
#include "rf_av.h"
#include "rf_file.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int drop(void *user, const float *data, int64_t n, uint32_t n_channels)
{
    int64_t *n_samples = user;
    (void)data;
    *n_samples += n * n_channels;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool warm;
    rf_decode_task task = {.limits = RF_DECODE_LIMITS};
    rf_decode_reply reply;
    rf_decode_reply believed;
    rf_media_error error;
    int64_t n_samples = 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (!warm) {
        rf_av_warm_up();
        warm = true;
    }
    task.limits.max_seconds = 30; /* keep one input short */
    task.limits.max_pcm_bytes = 16 << 20;
    if (fd >= 0 && rf_write_all(fd, data, size) == 0) {
        rf_av_decode(fd, &task, (rf_av_out){drop, &n_samples}, &reply);
        int err = rf_decode_reply_read(&reply, sizeof(reply), &task.limits, &believed, &error);
        if (err == 0 && n_samples != reply.n_frames * reply.n_channels) {
            abort(); /* the answer is not what was written */
        }
        if (err != 0 && reply.code == RF_MEDIA_OK) {
            abort(); /* an honest success must be believable */
        }
    }
    close(fd);
    return 0;
}
