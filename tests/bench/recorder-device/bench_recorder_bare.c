/* What a device session cannot do without, alone, in the same amounts:
 *
 *     bench_recorder_bare sound SECONDS      PortAudio reads 48 kHz stereo int16 in blocks of 10 ms
 *     bench_recorder_bare disk SECONDS DIR   every 20 ms a write to a log, a sync of it and a write
 *                                            to a master, of as much audio
 *     bench_recorder_bare wake SECONDS       a thread wakes every 10 ms, as that which drains the
 *                                            ring does
 *
 * Prints the share of a core that it takes. */
#include "task_time.h"

#include <errno.h>
#include <fcntl.h>
#include <pa_linux_alsa.h>
#include <portaudio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RATE_HZ 48000
#define FRAME_BYTES 4
#define BLOCK_FRAMES 480
#define RING_BLOCKS 400
#define PERIODS 16 /* of ALSA's buffer, as the recorder has */
#define COMMIT_MS 20
#define DRAIN_MS 10
#define RECORD_BYTES (48 + BLOCK_FRAMES * FRAME_BYTES)
#define LOG_BYTES (64 << 20)
#define NS_PER_MS 1000000L

static uint8_t ring[RING_BLOCKS][BLOCK_FRAMES * FRAME_BYTES];

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

/* step_ms sleeps until so long after *at, which it moves there. */
static void step_ms(struct timespec *at, long ms)
{
    at->tv_nsec += ms * NS_PER_MS;
    at->tv_sec += at->tv_nsec / (1000 * NS_PER_MS);
    at->tv_nsec %= 1000 * NS_PER_MS;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL) == EINTR) {
    }
}

static double all_s(void)
{
    task_time time;
    return task_time_read(getpid(), &time) == 0 ? task_time_all(&time) : 0;
}

/* ---- sound ---- */

static int on_audio(const void *in, void *out, unsigned long n_frames,
                    const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *user)
{
    unsigned *n = user;
    (void)out;
    (void)time;
    (void)flags;
    if (in != NULL && n_frames <= BLOCK_FRAMES) {
        memcpy(ring[(*n)++ % RING_BLOCKS], in, n_frames * FRAME_BYTES);
    }
    return paContinue;
}

static double sound(int seconds)
{
    static unsigned n_blocks;
    struct timespec at;
    PaStream *stream;
    if (Pa_Initialize() != paNoError) {
        fail("PortAudio does not start");
    }
    PaAlsa_SetNumPeriods(PERIODS);
    PaStreamParameters in = {.device = Pa_GetDefaultInputDevice(),
                             .channelCount = 2,
                             .sampleFormat = paInt16,
                             .suggestedLatency = (double)PERIODS * BLOCK_FRAMES / RATE_HZ};
    if (Pa_OpenStream(&stream, &in, NULL, RATE_HZ, BLOCK_FRAMES, paClipOff | paDitherOff, on_audio,
                      &n_blocks) != paNoError ||
        Pa_StartStream(stream) != paNoError) {
        fail("the device does not open");
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    step_ms(&at, 1000);
    double from_s = all_s();
    step_ms(&at, 1000L * seconds);
    double share = (all_s() - from_s) / seconds;
    Pa_AbortStream(stream);
    Pa_CloseStream(stream);
    Pa_Terminate();
    return share;
}

/* ---- disk ---- */

static int make_file(const char *dir, const char *name, off_t bytes)
{
    static const uint8_t zeros[1 << 20];
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (off_t at = 0; fd >= 0 && at < bytes; at += (off_t)sizeof(zeros)) {
        if (pwrite(fd, zeros, sizeof(zeros), at) < 0) {
            fail("no space");
        }
    }
    if (fd < 0 || fsync(fd) < 0) {
        fail("the files cannot be made");
    }
    (void)unlink(path);
    return fd;
}

static void commit(int log_fd, int master_fd, off_t i)
{
    static const uint8_t batch[2 * RECORD_BYTES] = {1};
    const off_t audio = 2 * (off_t)BLOCK_FRAMES * FRAME_BYTES;
    if (pwrite(log_fd, batch, sizeof(batch), i * (off_t)sizeof(batch) % LOG_BYTES) < 0 ||
        pwrite(master_fd, ring, (size_t)audio, i * audio) < 0 || fdatasync(log_fd) < 0) {
        fail("the disk fails");
    }
}

static double disk(int seconds, const char *dir)
{
    int log_fd = make_file(dir, "bare.log", LOG_BYTES + (1 << 20));
    int master_fd = make_file(dir, "bare.pcm", 0);
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    double from_s = all_s();
    for (off_t i = 0; i < seconds * 1000L / COMMIT_MS; i++) {
        step_ms(&at, COMMIT_MS);
        commit(log_fd, master_fd, i);
    }
    double share = (all_s() - from_s) / seconds;
    close(log_fd);
    close(master_fd);
    return share;
}

static double wake(int seconds)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    double from_s = all_s();
    for (long i = 0; i < seconds * 1000L / DRAIN_MS; i++) {
        step_ms(&at, DRAIN_MS);
    }
    return (all_s() - from_s) / seconds;
}

int main(int argc, char **argv)
{
    int seconds = argc >= 3 ? atoi(argv[2]) : 0;
    if (seconds > 0 && argc == 3 && strcmp(argv[1], "sound") == 0) {
        printf("%.6f\n", sound(seconds));
    } else if (seconds > 0 && argc == 4 && strcmp(argv[1], "disk") == 0) {
        printf("%.6f\n", disk(seconds, argv[3]));
    } else if (seconds > 0 && argc == 3 && strcmp(argv[1], "wake") == 0) {
        printf("%.6f\n", wake(seconds));
    } else {
        fail("bench_recorder_bare sound SECONDS | disk SECONDS DIR | wake SECONDS");
    }
    return 0;
}
