/*
 * cli_meter.h - one line on a terminal that shows how long a recording is and how loud. Nothing is
 * written where standard error is no terminal.
 */
#ifndef CLI_METER_H
#define CLI_METER_H

#include "rf_base.h"

#define CLI_METER_LINE 160 /* bytes of a line */

typedef struct cli_meter {
    bool is_shown;
    double peak; /* since the line was drawn */
    int64_t drawn_ns;
} cli_meter;

void cli_meter_begin(cli_meter *m);

/* cli_meter_add takes the peak of some audio (1: full scale), and draws at most ten times a second:
 * the time of the session's frames, of which durable_frames are safe (-1: not told). */
void cli_meter_add(cli_meter *m, double peak, int64_t frames, int64_t durable_frames,
                   uint32_t rate_hz);

/* cli_meter_end takes the line away. */
void cli_meter_end(cli_meter *m);

/* cli_meter_line writes the line. cli_meter_time writes "1:02:03.4". */
void cli_meter_line(double peak, int64_t frames, int64_t durable_frames, uint32_t rate_hz,
                    char ret[CLI_METER_LINE]);
char *cli_meter_time(int64_t ms, char ret[32]);

#endif
