#include "cli_meter.h"

#include "rf_time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 30       /* cells of the bar */
#define FLOOR_DB -60.0 /* at its left end */
#define DRAW_NS (RF_NS_PER_S / 10)

void cli_meter_begin(cli_meter *m)
{
    *m = (cli_meter){.is_shown = isatty(STDERR_FILENO) != 0};
}

char *cli_meter_time(int64_t ms, char ret[32])
{
    const long long s = ms / 1000;
    const int tenths = (int)(ms % 1000 / 100);
    if (s >= 3600) {
        (void)snprintf(ret, 32, "%lld:%02lld:%02lld.%d", s / 3600, s / 60 % 60, s % 60, tenths);
    } else {
        (void)snprintf(ret, 32, "%lld:%02lld.%d", s / 60, s % 60, tenths);
    }
    return ret;
}

void cli_meter_line(double peak, int64_t frames, int64_t durable_frames, uint32_t rate_hz,
                    char ret[CLI_METER_LINE])
{
    char now[32];
    char safe[48] = "";
    char level[16] = "  -inf";
    const double db = peak > 0 ? 20 * log10(peak) : -INFINITY;
    const double part = (fmax(db, FLOOR_DB) - FLOOR_DB) / -FLOOR_DB;
    const int filled = (int)lround(fmin(part, 1) * WIDTH);
    if (peak > 0) {
        (void)snprintf(level, sizeof(level), "%6.1f", db);
    }
    if (durable_frames >= 0) {
        char text[32];
        (void)snprintf(safe, sizeof(safe), "  safe %s",
                       cli_meter_time(durable_frames * 1000 / rate_hz, text));
    }
    (void)snprintf(ret, CLI_METER_LINE, "%s [%.*s%*s] %s dBFS%s",
                   cli_meter_time(frames * 1000 / rate_hz, now), filled,
                   "##############################", WIDTH - filled, "", level, safe);
}

void cli_meter_add(cli_meter *m, double peak, int64_t frames, int64_t durable_frames,
                   uint32_t rate_hz)
{
    char line[CLI_METER_LINE];
    const int64_t now_ns = rf_time_ns();
    m->peak = fmax(m->peak, peak);
    if (!m->is_shown || now_ns - m->drawn_ns < DRAW_NS) {
        return;
    }
    cli_meter_line(m->peak, frames, durable_frames, rate_hz, line);
    fprintf(stderr, "\r\033[K%s", line);
    m->drawn_ns = now_ns;
    m->peak = 0;
}

void cli_meter_end(cli_meter *m)
{
    if (m->is_shown) {
        fputs("\r\033[K", stderr);
    }
}
