#include "cli_player.h"

#include <alsa/asoundlib.h>
#include <errno.h>
#include <string.h>

#define RATE_HZ 48000
#define CHANNELS 2
#define LATENCY_US 200000
#define QUEUE_SAMPLES (60 * RATE_HZ)

struct cli_player {
    snd_pcm_t *pcm;
    float *queue; /* ring of QUEUE_SAMPLES pairs */
    size_t first;
    size_t n_queued;
    uint64_t written;
    unsigned gaps;
    bool is_running; /* the cushion was reached */
    bool is_ending;
};

/* ALSA prints to standard error by itself; the returned codes are enough. */
static void ignore(const char *file, int line, const char *function, int err, const char *fmt, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)err;
    (void)fmt;
}

int cli_player_open(const char *device, cli_player **ret, rf_buf *error)
{
    snd_pcm_t *pcm = NULL;
    snd_lib_error_set_handler(ignore);
    int err = snd_pcm_open(&pcm, device, SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (err == 0) {
        err = snd_pcm_set_params(pcm, SND_PCM_FORMAT_FLOAT, SND_PCM_ACCESS_RW_INTERLEAVED, CHANNELS,
                                 RATE_HZ, 1, LATENCY_US);
    }
    if (err < 0) {
        if (pcm != NULL) {
            snd_pcm_close(pcm);
        }
        rf_buf_printf(error,
                      "no sound comes out of device \"%s\": %s; choose another with --device "
                      "(`aplay -L` lists them), or write a file with --out FILE",
                      device, snd_strerror(err));
        return -ENODEV;
    }
    cli_player *p = RF_NEW(cli_player);
    p->pcm = pcm;
    p->queue = rf_alloc_array(QUEUE_SAMPLES, CHANNELS * sizeof(float));
    *ret = p;
    return 0;
}

cli_player *cli_player_close(cli_player *p)
{
    if (p != NULL) {
        snd_pcm_drop(p->pcm);
        snd_pcm_close(p->pcm);
        snd_config_update_free_global();
        free(p->queue);
        free(p);
    }
    return NULL;
}

int cli_player_push(cli_player *p, const float *samples, size_t n)
{
    if (n > QUEUE_SAMPLES - p->n_queued) {
        return -ENOBUFS;
    }
    while (n > 0) {
        size_t at = (p->first + p->n_queued) % QUEUE_SAMPLES;
        size_t part = RF_MIN(n, QUEUE_SAMPLES - at);
        memcpy(p->queue + CHANNELS * at, samples, part * CHANNELS * sizeof(float));
        samples += CHANNELS * part;
        p->n_queued += part;
        n -= part;
    }
    return 0;
}

/* After an underrun the cushion is waited for again. */
static int recover(cli_player *p, int err)
{
    p->gaps += !p->is_ending;
    p->is_running = p->is_ending;
    return snd_pcm_recover(p->pcm, err, 1) < 0 ? -EIO : 0;
}

int cli_player_pump(cli_player *p, size_t cushion)
{
    bool is_ready = p->is_running || p->is_ending || p->n_queued >= cushion;
    while (is_ready && p->n_queued > 0) {
        p->is_running = true;
        size_t part = RF_MIN(p->n_queued, QUEUE_SAMPLES - p->first);
        snd_pcm_sframes_t n = snd_pcm_writei(p->pcm, p->queue + CHANNELS * p->first, part);
        if (n == -EAGAIN) {
            return 0;
        }
        if (n < 0) {
            return recover(p, (int)n);
        }
        p->first = (p->first + (size_t)n) % QUEUE_SAMPLES;
        p->n_queued -= (size_t)n;
        p->written += (uint64_t)n;
    }
    if (p->is_ending && p->n_queued == 0 && snd_pcm_state(p->pcm) == SND_PCM_STATE_PREPARED) {
        snd_pcm_start(p->pcm); /* less than the device's own cushion was written */
    }
    return 0;
}

void cli_player_end(cli_player *p)
{
    p->is_ending = true;
}

static uint64_t in_device(const cli_player *p)
{
    snd_pcm_sframes_t delay = 0;
    bool is_playing = snd_pcm_state(p->pcm) == SND_PCM_STATE_RUNNING ||
                      snd_pcm_state(p->pcm) == SND_PCM_STATE_PREPARED;
    if (!is_playing || snd_pcm_delay(p->pcm, &delay) < 0 || delay < 0) {
        return 0;
    }
    return RF_MIN((uint64_t)delay, p->written);
}

size_t cli_player_poll(cli_player *p, struct pollfd ret[CLI_PLAYER_FDS])
{
    int n = p->n_queued == 0 || !p->is_running
                ? 0
                : snd_pcm_poll_descriptors(p->pcm, ret, CLI_PLAYER_FDS);
    return n < 0 ? 0 : (size_t)n;
}

void cli_player_polled(cli_player *p, struct pollfd *fds, size_t n)
{
    unsigned short events;
    if (n > 0) {
        (void)snd_pcm_poll_descriptors_revents(p->pcm, fds, (unsigned int)n, &events);
    }
}

size_t cli_player_waiting(const cli_player *p)
{
    return p->n_queued + in_device(p);
}

uint64_t cli_player_heard(const cli_player *p)
{
    return p->written - in_device(p);
}

unsigned cli_player_gaps(const cli_player *p)
{
    return p->gaps;
}
