#include "band_bus.h"

#include <math.h>
#include <string.h>

/* The mean of 10 s is what a bass wave has left over at the ends: a wave of amplitude a at f Hz
 * leaves up to a / (pi f) s. To stay below 1e-4 of full scale it is held where its integral says.
 */
#define LOW_CORNER_HZ 110.0
#define SWING_CORNER_HZ 30.0
#define SWING_LIMIT 0.06F
#define LOW_RELEASE 0.012F /* of the way in a block: 110 ms */

/* 2 to 1 above the threshold. */
#define THRESHOLD_LUFS (-15.0)
#define SLOPE 0.5
#define ATTACK 0.08   /* of the way in a block: 16 ms */
#define RELEASE 0.008 /* 160 ms */

/* Levelling: most of what the last seconds were off, within bounds. */
#define LEVEL_S 8.0
#define LEVEL_SHARE 0.8
#define LEVEL_MOST_DB 4.0
#define LEVEL_GATE 1e-3 /* pauses do not count */
#define GLIDE 0.05

/* BS.1770-4, tables 1 and 2, for 48 kHz. */
static const band_design k_shelf = {1.53512485958697F, -2.69169618940638F, 1.19839281085285F,
                                    -1.69065929318241F, 0.73248077421585F};
static const band_design k_pass = {1, -2, 1, -1.99004745483398F, 0.99007225036621F};

static double power_of_lufs(double lufs)
{
    return pow(10, (lufs + 0.691) / 10);
}

static double lufs_of_power(double power)
{
    return 10 * log10(power + 1e-12) - 0.691;
}

static void design(band_filter *filter, const band_design *design)
{
    band_filter_set(filter, 0, design);
    band_filter_set(filter, 2, design);
    band_filter_jump(filter);
}

void band_bus_init(band_bus *bus)
{
    memset(bus, 0, sizeof(*bus));
    const band_design low = band_design_low_pass(LOW_CORNER_HZ, M_SQRT1_2);
    for (size_t v = 0; v < BAND_STEM_VECTORS; v++) {
        design(&bus->low[v], &low);
    }
    design(&bus->weight[0], &k_shelf);
    design(&bus->weight[1], &k_pass);
    bus->low_gain = 1;
    bus->gain = 1;
    bus->loudness = power_of_lufs(BAND_BUS_LUFS);
}

void band_bus_level(band_bus *bus, double level_db, bool now)
{
    bus->level_db_target = level_db;
    if (now) {
        bus->level_db = level_db;
        bus->gain = (float)pow(10, level_db / 20);
    }
}

/* Left and right of the sum of all stems, twice. */
static void sum_stems(const band_block stems[BAND_STEM_VECTORS], band_block *ret)
{
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 both = stems[0].x[i] + stems[1].x[i];
        ret->x[i] = both + __builtin_shufflevector(both, both, 2, 3, 0, 1);
    }
}

/* How far the sum swings, in the scale of what is heard. */
static float largest_swing(band_bus *bus, const band_block *sum)
{
    const band_v4 k = band_splat((float)(2 * M_PI * SWING_CORNER_HZ / JAM_RATE_HZ));
    band_v4 swing = bus->swing, most = band_splat(0);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        swing += k * (sum->x[i] - swing);
        most = band_max(most, band_max(swing, -swing));
    }
    bus->swing = swing;
    return bus->gain * RF_MAX(most[0], most[1]);
}

/* It may have to be held within a block: a way without corners, which would be heard. */
static void hold_bass(band_bus *bus, band_block stems[BAND_STEM_VECTORS])
{
    band_block sum;
    sum_stems(stems, &sum);
    const float swing = largest_swing(bus, &sum);
    const float wanted = swing > SWING_LIMIT ? SWING_LIMIT / swing : 1;
    const float from = bus->low_gain;
    const float to = wanted < from ? wanted : from + LOW_RELEASE * (wanted - from);
    band_block low[BAND_STEM_VECTORS] = {stems[0], stems[1]};
    band_filter_run_beside(bus->low, low);
    for (size_t v = 0; v < BAND_STEM_VECTORS && (from < 1 || to < 1); v++) {
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            const float t = (float)(i + 1) / BAND_BLOCK;
            const float cut = 1 - from - (to - from) * t * t * (3 - 2 * t);
            stems[v].x[i] -= band_splat(cut) * low[v].x[i];
        }
    }
    bus->low_gain = to;
}

static double weighted_power(band_bus *bus, const band_block stems[BAND_STEM_VECTORS])
{
    band_block sum;
    sum_stems(stems, &sum);
    band_filter_run_chain(&bus->weight[0], &bus->weight[1], &sum);
    band_v4 power = band_splat(0);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        power += sum.x[i] * sum.x[i];
    }
    return (double)(power[0] + power[1]) / BAND_BLOCK;
}

/* Decibels that bring the last seconds towards the aim. */
static double level(band_bus *bus, double power)
{
    if (power > LEVEL_GATE * bus->loudness) {
        bus->loudness += BAND_BLOCK / (LEVEL_S * JAM_RATE_HZ) * (power - bus->loudness);
    }
    const double off_db = BAND_BUS_LUFS - lufs_of_power(bus->loudness);
    return RF_MAX(-LEVEL_MOST_DB, RF_MIN(LEVEL_MOST_DB, LEVEL_SHARE * off_db));
}

float band_bus_run(band_bus *bus, band_block stems[BAND_STEM_VECTORS])
{
    hold_bass(bus, stems);
    bus->level_db += GLIDE * (bus->level_db_target - bus->level_db);
    const double power = weighted_power(bus, stems) * pow(10, bus->level_db / 10);
    bus->power += (power > bus->power ? ATTACK : RELEASE) * (power - bus->power);
    const double over_db = lufs_of_power(bus->power) - THRESHOLD_LUFS;
    const double compressed_db = -SLOPE * RF_MAX(over_db, 0.0);
    const double levelled_db = level(bus, power * pow(10, compressed_db / 10));
    bus->gain = (float)pow(10, (bus->level_db + compressed_db + levelled_db) / 20);
    return bus->gain;
}
