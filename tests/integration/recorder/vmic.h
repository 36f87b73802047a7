/*
 * vmic.h - a microphone without hardware (spec recorder.md section 2): a private PulseAudio in the
 * foreground with the null sink `vmic`, whose monitor is recorded, and a reader that keeps it
 * awake. Its processes die with the test; one thread.
 */
#ifndef VMIC_H
#define VMIC_H

#include "rf_base.h"

#include <sys/types.h>

typedef struct vmic {
    char *dir; /* private: home, runtime, socket */
    pid_t server;
    pid_t reader;
    pid_t player;
} vmic;

#define VMIC_RATE 48000
#define VMIC_TONE_HZ 1000.0
#define VMIC_TONE_LEVEL 0.25

/* vmic_setup makes the folder and this process's environment; vmic_up starts the server and waits
 * until it answers; both fail the test where they cannot. */
void vmic_setup(vmic *mic);
void vmic_up(vmic *mic);

/* vmic_tone plays 20 s of a sine of VMIC_TONE_HZ on both channels into the sink. */
void vmic_tone(vmic *mic);

/* vmic_load makes the sink vmic and its reader again, vmic_unload takes the sink away. */
void vmic_load(vmic *mic);
void vmic_unload(vmic *mic);

/* vmic_ctl runs `pactl` with these words and gives its exit status. Output goes to *ret_out if that
 * is wanted, at most 64 KiB; free it. */
int vmic_ctl(char **ret_out, const char *const *words);
#define VMIC_CTL(...) vmic_ctl(NULL, (const char *const[]){__VA_ARGS__, NULL})

/* vmic_kill ends the server at once, vmic_down everything; the folder goes too. */
void vmic_kill(vmic *mic);
void vmic_down(vmic *mic);

/* vmic_spawn starts a program whose output goes to the null device; it dies with this process. */
pid_t vmic_spawn(const char *const *words);
void vmic_end(pid_t *pid, int signal_no);

#endif
