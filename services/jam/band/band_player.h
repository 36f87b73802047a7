/*
 * band_player.h - plays what the composer decides: controls at their sample, notes at theirs, the
 * composer's sounds and the mix. One player a session, used by one thread at a time;
 * band_player_new alone allocates, and waits for the soundfont's pages. Equal seeds and equal
 * controls at equal positions give equal bytes, in calls of whatever length.
 *
 * A note starts with the block that holds its exact sample and is heard BAND_LIMITER_DELAY samples
 * later: within 64 samples of its time, always late, never adding up.
 */
#ifndef BAND_PLAYER_H
#define BAND_PLAYER_H

#include "band_mixer.h"
#include "jam_engine.h"

typedef struct band_player band_player;

/* The bank must outlive the player; host may be NULL. NULL: no memory. */
band_player *band_player_new(const band_bank *bank, uint64_t seed, const jam_controls *controls,
                             const jam_engine_host *host);
band_player *band_player_free(band_player *player);

/* band_player_control: the record holds from `sample` on, rounded up to a block; positions never
 * fall. Of more than BAND_PLAYER_PENDING that wait, the last give way to the newest. */
#define BAND_PLAYER_PENDING 32
void band_player_control(band_player *player, int64_t sample, const jam_controls *controls);

/* band_player_render gives n blocks of left and right, and of the stems before the limiter when
 * taps (n of them) is not NULL. Returns 0, or -EDOM when a value was not finite. */
int band_player_render(band_player *player, size_t n_blocks, float *left, float *right,
                       band_mixer_tap *taps);

/* See jam_place. */
void band_player_place(const band_player *player, jam_place *ret);

/* Voices that sound. */
int band_player_voices(const band_player *player);

#endif
