#include "recorder_extract.h"

#include "recorder_pack.h"
#include "recorder_pull.h"
#include "rf_buf.h"

#include <errno.h>

#define PUSH_FRAMES 1024
#define WRITE_BYTES 65536
#define MAX_BYTES (2 * WRITE_BYTES)

typedef struct extract {
    const recorder_extract_params *params;
    recorder_write_fn write;
    void *user;
    rf_pcm pcm;
    recorder_pull *pull;
    recorder_pack *pack;
    int64_t lead;
    rf_encode_cue *cues; /* at the output rate */
    rf_buf bytes;
    int64_t n_bytes;
    uint8_t samples[PUSH_FRAMES * RF_MIX_MAX_CHANNELS * sizeof(float)];
} extract;

static int send_bytes(extract *x)
{
    int err = x->bytes.len > 0 ? x->write(x->user, x->bytes.data, x->bytes.len) : 0;
    x->n_bytes += (int64_t)x->bytes.len;
    rf_buf_clear(&x->bytes);
    return err;
}

/* Gathers small writes; large ones pass. */
static int gather(void *user, const void *data, size_t len)
{
    extract *x = user;
    int err = x->bytes.len + len > WRITE_BYTES ? send_bytes(x) : 0;
    if (err != 0 || len <= WRITE_BYTES) {
        return err != 0 ? err : rf_buf_append(&x->bytes, data, len);
    }
    x->n_bytes += (int64_t)len;
    return x->write(x->user, data, len);
}

static int64_t out_frames(const extract *x)
{
    return rf_resample_length_nearest(x->params->count, x->params->session.rate_hz, x->pcm.rate_hz);
}

static void convert_cues(extract *x)
{
    const recorder_extract_params *p = x->params;
    if (p->output.format != RECORDER_WAV || p->n_cues == 0) {
        return;
    }
    x->cues = rf_alloc_array(p->n_cues, sizeof(*x->cues));
    for (size_t i = 0; i < p->n_cues; i++) {
        const int64_t at =
            rf_resample_length_nearest(p->cues[i].frame, p->session.rate_hz, x->pcm.rate_hz);
        x->cues[i] = (rf_encode_cue){.frame = (uint32_t)RF_MIN(at, (int64_t)UINT32_MAX),
                                     .label = p->cues[i].label};
    }
}

static recorder_pack_params pack_params(const extract *x)
{
    const recorder_extract_params *p = x->params;
    return (recorder_pack_params){.output = p->output,
                                  .pcm = x->pcm,
                                  .n_frames = out_frames(x),
                                  .n_preroll = (uint32_t)x->lead,
                                  .stored = p->stored,
                                  .cues = x->cues,
                                  .n_cues = x->cues != NULL ? p->n_cues : 0};
}

static int open_pull(extract *x, rf_media_error *error)
{
    const recorder_extract_params *p = x->params;
    const bool opus = p->output.format == RECORDER_OPUS;
    const recorder_pull_params pull = {.fd = p->fd,
                                       .frames = p->frames,
                                       .convert = {.from = p->session,
                                                   .to = x->pcm,
                                                   .matrix = p->output.matrix,
                                                   .dither = p->output.dither},
                                       .first = p->first,
                                       .lead_ms = opus ? RECORDER_PREROLL_MS : 0,
                                       .lowest = p->lowest,
                                       .hear = p->hear,
                                       .hear_user = p->hear_user};
    return recorder_pull_new(&pull, &x->pull, &x->lead) == 0
               ? 0
               : rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "channels: the matrix has -4 to 4");
}

static int open_extract(extract *x, rf_media_error *error)
{
    const recorder_extract_params *p = x->params;
    if (p->first < 0 || p->count < 0 || p->count > INT64_MAX - p->first) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "range: frames begin at 0");
    }
    int err = recorder_output_shape(&p->output, &p->session, &x->pcm, error);
    err = err == 0 ? open_pull(x, error) : err;
    if (err == 0) {
        convert_cues(x);
        const recorder_pack_params pack = pack_params(x);
        err = recorder_pack_open(&pack, (rf_sink){.write = gather, .user = x}, &x->pack, error);
    }
    return err;
}

static int copy_frames(extract *x)
{
    const int64_t end = x->params->first + x->params->count;
    int64_t n = 0;
    do {
        n = recorder_pull_frames(x->pull, end, true, x->samples, PUSH_FRAMES);
        int err = n > 0 ? recorder_pack_write(x->pack, x->samples, n) : (int)n;
        if (err < 0) {
            return err;
        }
    } while (n > 0);
    return 0;
}

static void fill_result(const extract *x, recorder_extract_result *ret)
{
    const rf_sample_state *samples = recorder_pull_samples(x->pull);
    *ret = (recorder_extract_result){.pcm = x->pcm,
                                     .n_frames = out_frames(x),
                                     .n_bytes = x->n_bytes,
                                     .n_clipped = samples->n_clipped,
                                     .n_nonfinite = samples->n_nonfinite,
                                     .reads = *recorder_pull_work(x->pull)};
}

int recorder_extract(const recorder_extract_params *params, recorder_write_fn write, void *user,
                     recorder_extract_result *ret, rf_media_error *error)
{
    extract *x = RF_NEW(extract);
    *x = (extract){.params = params, .write = write, .user = user};
    rf_buf_init(&x->bytes, MAX_BYTES);
    int err = open_extract(x, error);
    err = err == 0 ? copy_frames(x) : err;
    if (err == 0) {
        err = recorder_pack_close(RF_STEAL(x->pack));
        err = err == 0 ? send_bytes(x) : err;
    }
    if (err == 0 && ret != NULL) {
        fill_result(x, ret);
    }
    recorder_pack_free(x->pack);
    recorder_pull_free(x->pull);
    rf_buf_done(&x->bytes);
    free(x->cues);
    free(x);
    return err;
}
