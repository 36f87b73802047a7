/*
 * cli_player.h - float32 stereo at 48,000 Hz out of the loudspeaker, by ALSA (whose "default"
 * device reaches PulseAudio and PipeWire too). Nothing here blocks; one thread.
 */
#ifndef CLI_PLAYER_H
#define CLI_PLAYER_H

#include "rf_base.h"
#include "rf_buf.h"

#include <poll.h>

#define CLI_PLAYER_FDS 8

typedef struct cli_player cli_player;

/* cli_player_open opens an ALSA device by name. On failure error says what to do; -ENODEV. */
int cli_player_open(const char *device, cli_player **ret, rf_buf *error) RF_MUST_USE;
cli_player *cli_player_close(cli_player *p);

/* cli_player_push queues n sample pairs; what does not fit into 60 s is refused with -ENOBUFS. */
int cli_player_push(cli_player *p, const float *samples, size_t n) RF_MUST_USE;

/* cli_player_pump gives the device what it takes. Sound begins once cushion sample pairs wait, and
 * again so after a gap. 0, or -EIO when the device is gone. */
int cli_player_pump(cli_player *p, size_t cushion) RF_MUST_USE;

/* cli_player_end plays what waits without a cushion from now on. */
void cli_player_end(cli_player *p);

/* cli_player_poll fills what to wait for until pump can go on; the count, 0 when there is nothing
 * to play. */
size_t cli_player_poll(cli_player *p, struct pollfd ret[CLI_PLAYER_FDS]);

/* cli_player_polled must see what poll answered. */
void cli_player_polled(cli_player *p, struct pollfd *fds, size_t n);

size_t cli_player_waiting(const cli_player *p); /* sample pairs queued or in the device */
uint64_t cli_player_heard(const cli_player *p); /* sample pairs played since open */
unsigned cli_player_gaps(const cli_player *p);  /* times it ran dry, the end not counted */

#endif
