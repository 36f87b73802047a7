#include "recorder_split.h"

#include "recorder_floor.h"

#include <math.h>

#define LEVELS_PER_S 100
#define MS_PER_LEVEL 10
#define RING 1024 /* levels; at least those that wait for the first floor */
#define HELD RECORDER_FLOOR_LEVELS
#define SPEECH_LEVELS 20
#define SPEECH_DB 12.0F
#define SILENCE_DB 6.0F
#define QUIETEST_LEVELS 5
#define TAIL_S 2

typedef enum phase {
    QUIET,
    RISING,
    SPEECH,
    FALLING,
} phase;

struct recorder_split {
    recorder_split_config config;
    recorder_cut_fn cut;
    void *user;
    bool has_segment;
    int64_t first;  /* frame that counting begins with */
    int64_t frames; /* taken, from frame 0 of the session */
    int64_t n;      /* levels complete */
    int64_t n_done; /* decided */
    double energy;  /* of the level that is being taken */
    float power[RING];
    recorder_floor floor;
    phase phase;
    int64_t run;  /* level that RISING or FALLING began with */
    int64_t told; /* frame that the cuts have come to; where an open segment begins */
    bool pending; /* a segment has ended but for its pad */
    int64_t speech_end;
    int64_t pad_end;
};

/* ---- levels ---- */

static int64_t start_of(const recorder_split *s, int64_t level)
{
    return s->first + level * s->config.rate_hz / LEVELS_PER_S;
}

static int64_t frames_of_ms(const recorder_split *s, int64_t ms)
{
    return ms * s->config.rate_hz / 1000;
}

static float *power_at(recorder_split *s, int64_t level)
{
    return &s->power[level % RING];
}

static float db_of(float power)
{
    return power <= 0.0F ? RECORDER_LEVEL_MIN_DB
                         : fmaxf(10.0F * log10f(power), RECORDER_LEVEL_MIN_DB);
}

recorder_split *recorder_split_new(const recorder_split_config *config, int64_t first,
                                   bool has_segment, recorder_cut_fn cut, void *user)
{
    recorder_split *s = RF_NEW(recorder_split);
    s->config = *config;
    s->cut = cut;
    s->user = user;
    s->has_segment = has_segment;
    s->first = first;
    s->frames = first;
    s->told = first;
    s->phase = config->mode == RECORDER_SPLIT_LENGTH ? SPEECH : QUIET;
    recorder_floor_init(&s->floor);
    return s;
}

recorder_split *recorder_split_free(recorder_split *split)
{
    free(split);
    return NULL;
}

/* ---- cuts ---- */

static void tell(recorder_split *s, bool is_segment, int64_t end)
{
    recorder_cut cut = {
        .is_segment = is_segment, .first_frame = s->told, .n_frames = end - s->told};
    if (cut.n_frames > 0) {
        s->told = end;
        s->has_segment = s->has_segment || is_segment;
        s->cut(s->user, &cut);
    }
}

/* The middle of the quietest 50 ms of the end of the open segment. */
static int64_t quietest(recorder_split *s, int64_t end)
{
    int64_t max = end - s->told;
    int64_t tail = RF_MIN((int64_t)TAIL_S * s->config.rate_hz, max / 2);
    int64_t level = (end - tail - s->first) * LEVELS_PER_S / s->config.rate_hz;
    int64_t best = level;
    double lowest = INFINITY;
    for (level = level + 1; start_of(s, level + QUIETEST_LEVELS) <= end; level++) {
        double sum = 0.0;
        for (int64_t i = 0; i < QUIETEST_LEVELS; i++) {
            sum += (double)*power_at(s, level + i);
        }
        if (sum < lowest) {
            lowest = sum;
            best = level;
        }
    }
    return (start_of(s, best) + start_of(s, best + QUIETEST_LEVELS)) / 2;
}

static void speech_begins(recorder_split *s)
{
    int64_t begin = start_of(s, s->run);
    if (s->pending) {
        tell(s, true, RF_MIN(s->pad_end, begin));
        s->pending = false;
    }
    int64_t padded = begin - frames_of_ms(s, s->config.pad_before_ms);
    tell(s, false, RF_MAX(s->told, padded));
    s->phase = SPEECH;
}

/* The speech of an open segment has ended with `run`; behind a cut there may be none left. */
static void speech_ends(recorder_split *s)
{
    int64_t longest = s->told + (int64_t)s->config.max_s * s->config.rate_hz;
    s->speech_end = start_of(s, s->run);
    s->pad_end = RF_MIN(s->speech_end + frames_of_ms(s, s->config.pad_after_ms), longest);
    s->pending = s->pad_end > s->told;
    s->phase = QUIET;
}

static void end_pad(recorder_split *s, int64_t now)
{
    if (s->pending && now >= s->pad_end) {
        tell(s, true, s->pad_end);
        s->pending = false;
    }
}

static void move(recorder_split *s, int64_t level, float db)
{
    bool loud = db >= s->floor.floor_db + SPEECH_DB;
    bool quiet = db <= s->floor.floor_db + SILENCE_DB;
    int64_t run = level - s->run + 1;
    switch (s->phase) {
    case QUIET:
        s->run = level;
        s->phase = loud ? RISING : QUIET;
        break;
    case RISING:
        if (quiet) {
            s->phase = QUIET;
        } else if (run >= SPEECH_LEVELS) {
            speech_begins(s);
        }
        break;
    case SPEECH:
        s->run = level;
        s->phase = quiet ? FALLING : SPEECH;
        break;
    case FALLING:
        if (loud) {
            s->phase = SPEECH;
        } else if (run * MS_PER_LEVEL >= s->config.silence_ms) {
            speech_ends(s);
        }
        break;
    }
}

static bool is_open(const recorder_split *s)
{
    return s->phase == SPEECH || s->phase == FALLING;
}

static void decide(recorder_split *s, int64_t level)
{
    int64_t now = start_of(s, level + 1);
    if (s->config.mode == RECORDER_SPLIT_SILENCE) {
        move(s, level, db_of(*power_at(s, level)));
        end_pad(s, now);
    }
    int64_t longest = s->told + (int64_t)s->config.max_s * s->config.rate_hz;
    if (is_open(s) && now >= longest) {
        tell(s, true, quietest(s, longest));
    }
}

/* The first floor is that of the first 10 s. */
static bool is_holding(const recorder_split *s)
{
    return s->config.mode == RECORDER_SPLIT_SILENCE && s->n < HELD;
}

static void decide_all(recorder_split *s)
{
    if (s->n_done == 0) {
        recorder_floor_update(&s->floor);
    }
    for (; s->n_done < s->n; s->n_done++) {
        decide(s, s->n_done);
    }
}

/* A level is complete. */
static void end_level(recorder_split *s, int64_t n_frames, bool is_audio)
{
    float power = (float)(s->energy / ((double)n_frames * s->config.channels));
    *power_at(s, s->n) = power;
    s->energy = 0.0;
    s->n++;
    if (is_audio) {
        recorder_floor_add(&s->floor, db_of(power));
    }
    if (!is_holding(s)) {
        decide_all(s);
    }
}

/* Frames up to the end of the level that is being taken. */
static int64_t left_in_level(const recorder_split *s)
{
    return start_of(s, s->n + 1) - s->frames;
}

static int64_t level_frames(const recorder_split *s)
{
    return start_of(s, s->n + 1) - start_of(s, s->n);
}

void recorder_split_add(recorder_split *split, const void *data, size_t n_frames)
{
    const recorder_split_config *c = &split->config;
    const uint8_t *at = data;
    while (n_frames > 0) {
        size_t n = RF_MIN(n_frames, (size_t)left_in_level(split));
        split->energy += recorder_sample_energy(c->sample_format, at, n * c->channels);
        split->frames += (int64_t)n;
        at += n * c->channels * recorder_sample_size(c->sample_format);
        n_frames -= n;
        if (left_in_level(split) == 0) {
            end_level(split, level_frames(split), true);
        }
    }
}

/* How far silence may be passed over at once: nothing changes before then but the time. */
static int64_t idle_until(const recorder_split *s, int64_t silent_levels)
{
    bool even = silent_levels >= TAIL_S * LEVELS_PER_S && !is_holding(s);
    if (even && s->config.mode == RECORDER_SPLIT_LENGTH) {
        return s->told + (int64_t)s->config.max_s * s->config.rate_hz -
               s->config.rate_hz / LEVELS_PER_S;
    }
    return even && s->phase == QUIET && !s->pending ? INT64_MAX : 0;
}

/* Passes silence at the begin of a level, n whole levels of it. */
static void skip(recorder_split *s, int64_t n)
{
    for (size_t i = 0; i < RING; i++) {
        s->power[i] = 0.0F;
    }
    s->n += n;
    s->n_done = s->n;
    s->frames = start_of(s, s->n);
}

void recorder_split_silence(recorder_split *split, int64_t n_frames)
{
    int64_t end = split->frames + n_frames;
    int64_t silent = 0;
    while (split->frames < end) {
        int64_t until = RF_MIN(idle_until(split, silent), end);
        int64_t levels = (until - start_of(split, split->n)) * LEVELS_PER_S / split->config.rate_hz;
        if (levels > 1) {
            skip(split, levels - 1);
        }
        split->frames += RF_MIN(left_in_level(split), end - split->frames);
        if (left_in_level(split) == 0) {
            end_level(split, level_frames(split), false);
            silent++;
        }
    }
}

void recorder_split_finish(recorder_split *split)
{
    decide_all(split);
    int64_t end = split->frames;
    if (split->pending) {
        tell(split, true, RF_MIN(split->pad_end, end));
    }
    if (!split->has_segment && split->told == end) {
        recorder_cut empty = {.is_segment = true, .first_frame = end};
        split->has_segment = true;
        split->cut(split->user, &empty);
    }
    tell(split, is_open(split) || !split->has_segment, end);
}
