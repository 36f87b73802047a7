#include "recorder_pull.h"

#include "recorder_cost.h"
#include "rf_time.h"

/* Where the frames of the master go on at a place of the output. */
typedef struct splice {
    int64_t out, in;
} splice;

struct recorder_pull {
    recorder_reader *reader;
    rf_converter *converter;
    uint32_t from_hz, to_hz;
    int64_t cursor;
    int64_t n_in, n_out; /* frames taken and given */
    void (*hear)(void *user, const void *data, int64_t n);
    void *hear_user;
    int64_t heard; /* frames before it are not heard, or were */
    size_t frame_bytes;
    splice now, next; /* next.out < 0: no jump is under way */
};

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The lead in frames of the master: a multiple of what is whole on both sides, at least as long as
 * asked where audio exists, else the most there is. */
static int64_t lead_frames(const recorder_pull_params *p)
{
    const int64_t from_hz = p->convert.from.rate_hz;
    const int64_t step = from_hz / gcd(from_hz, p->convert.to.rate_hz);
    const int64_t asked = (p->lead_ms * from_hz + 999) / 1000;
    const int64_t there = RF_MAX(p->first - p->lowest, (int64_t)0) / step;
    return step * RF_MIN((asked + step - 1) / step, there);
}

int recorder_pull_new(const recorder_pull_params *params, recorder_pull **ret, int64_t *ret_lead)
{
    const rf_convert_params *c = &params->convert;
    recorder_pull *p = RF_NEW(recorder_pull);
    int err = rf_converter_new(c, &p->converter);
    if (err != 0) {
        recorder_pull_free(p);
        return err;
    }
    const int64_t lead = lead_frames(params);
    p->reader = recorder_reader_new(params->fd, params->frames, rf_pcm_frame_bytes(&c->from));
    p->from_hz = c->from.rate_hz;
    p->to_hz = c->to.rate_hz;
    p->cursor = params->first - lead;
    p->hear = params->hear;
    p->hear_user = params->hear_user;
    p->heard = params->first;
    p->frame_bytes = rf_pcm_frame_bytes(&c->from);
    p->now = (splice){.in = p->cursor};
    p->next.out = -1;
    *ret_lead = lead * c->to.rate_hz / c->from.rate_hz;
    *ret = p;
    return 0;
}

recorder_pull *recorder_pull_free(recorder_pull *pull)
{
    if (pull != NULL) {
        recorder_reader_free(pull->reader);
        rf_converter_free(pull->converter);
        free(pull);
    }
    return NULL;
}

static void hear(recorder_pull *p, const void *in, int64_t taken)
{
    const int64_t end = p->cursor + taken;
    if (p->hear != NULL && end > p->heard) {
        const size_t skip = (size_t)RF_MAX(p->heard - p->cursor, (int64_t)0) * p->frame_bytes;
        p->hear(p->hear_user, (const uint8_t *)in + skip, end - RF_MAX(p->heard, p->cursor));
        p->heard = end;
    }
}

static int convert(recorder_pull *p, const void *in, int64_t n, int64_t *taken, void *out,
                   int64_t max, int64_t *given)
{
    if (p->from_hz == p->to_hz) {
        return rf_converter_run(p->converter, in, n, taken, out, max, given);
    }
    const int64_t from_ns = rf_time_ns();
    int err = rf_converter_run(p->converter, in, n, taken, out, max, given);
    recorder_cost_resample(from_ns);
    return err;
}

int64_t recorder_pull_frames(recorder_pull *pull, int64_t readable, bool ended, void *out,
                             int64_t max)
{
    recorder_pull *p = pull;
    int64_t given = 0;
    while (given == 0 && max > 0) {
        const void *in = "";
        int64_t taken = 0;
        int64_t n = recorder_reader_frames(p->reader, p->cursor, readable, max, &in);
        if (n < 0) {
            return n;
        }
        in = n == 0 && ended ? NULL : in;
        int err = convert(p, in, n, &taken, out, max, &given);
        if (err < 0 || (n == 0 && given == 0)) {
            return err;
        }
        hear(p, in, taken);
        p->cursor += taken;
        p->n_in += taken;
    }
    p->n_out += given;
    if (p->next.out >= 0 && p->n_out >= p->next.out) {
        p->now = p->next;
        p->next.out = -1;
    }
    return given;
}

int64_t recorder_pull_left(const recorder_pull *pull, int64_t readable)
{
    const int64_t more = RF_MAX(readable - pull->cursor, (int64_t)0);
    return rf_converter_length(pull->converter, pull->n_in + more) - pull->n_out;
}

int64_t recorder_pull_cursor(const recorder_pull *pull)
{
    return pull->cursor;
}

void recorder_pull_jump(recorder_pull *pull, int64_t to)
{
    pull->cursor = to;
    pull->next = (splice){.out = rf_converter_length(pull->converter, pull->n_in), .in = to};
    if (pull->next.out <= pull->n_out) {
        pull->now = pull->next;
        pull->next.out = -1;
    }
}

int64_t recorder_pull_position(const recorder_pull *pull, int64_t out)
{
    const splice *s = pull->next.out >= 0 && out >= pull->next.out ? &pull->next : &pull->now;
    return s->in +
           rf_resample_length_nearest(RF_MAX(out - s->out, (int64_t)0), pull->to_hz, pull->from_hz);
}

const recorder_reader_work *recorder_pull_work(const recorder_pull *pull)
{
    return recorder_reader_work_done(pull->reader);
}

const rf_sample_state *recorder_pull_samples(const recorder_pull *pull)
{
    return rf_converter_state(pull->converter);
}
