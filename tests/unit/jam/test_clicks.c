/* The click test of jam.md section 10: 1,000 random updates of every field, pauses, resumes, resets
 * and catching up, on the full mix and with drums muted, in the stream of the service as a listener
 * hears it. A short form of it, unless REFLECTION_LONG=1. */
#include "band_engine.h"
#include "click_cases.h"
#include "figures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_LONG 1000 /* updates of a field and mix */
#define N_SHORT 56
#define LAP_LONG 50 /* updates of one session */
#define LAP_SHORT 14
#define EVERY 7  /* frames from one to the next: 280 ms, more than B looks at */
#define FIRST 25 /* frames before */

#define STEP 0.01F
#define STEP_EVERY 16001 /* samples */
#define STEP_FRAMES 250

TestSuite(clicks, .timeout = 3600);

typedef struct run {
    const jam_engine *engine;
    const click_case *act;
    bool drums;
    click_luck luck;
    size_t laps;
    size_t acts;
    click_tally tally;
} run;

/* Sessions go through all styles, two at once where weights are to be heard. */
static click_session *open_lap(run *r)
{
    char params[512];
    size_t n = r->engine->n_styles(r->engine);
    size_t style = (size_t)(r->act - click_cases) * 5 + r->laps * 7;
    (void)snprintf(
        params, sizeof(params),
        "\"styles\":[\"%s\"],\"max_decode_frames\":%u,\"stems\":{\"drums\":{\"mute\":%s}}",
        r->engine->style_name(r->engine, style % n), 2 + (unsigned)(r->laps % 2),
        r->drums ? "false" : "true");
    return click_session_open(r->engine, r->laps + 1, params);
}

static void play_lap(run *r, size_t acts)
{
    click_session *s = open_lap(r);
    const click_turn turn = {
        .session = s, .engine = r->engine, .luck = &r->luck, .drums = r->drums};
    size_t frames = FIRST + acts * EVERY;
    for (size_t i = 0; i < frames && click_session_play(s); i++) {
        if (i + 1 >= FIRST && (i + 1 - FIRST) % EVERY == 0 && i + 1 < frames) {
            r->act->act(r->act, &turn);
            r->acts++;
        }
    }
    click_session_judge(s, &r->tally);
    (void)click_session_free(s);
    r->laps++;
}

static void play_case(run *r)
{
    size_t wanted = figures_are_long() ? N_LONG : N_SHORT;
    size_t lap = figures_are_long() ? LAP_LONG : LAP_SHORT;
    while (r->acts < wanted) {
        play_lap(r, RF_MIN(lap, wanted - r->acts));
    }
}

static void report(const run *r)
{
    const click_tally *t = &r->tally;
    printf("%-20s %s: %4zu times, %2zu sessions; judged", r->act->name,
           r->drums ? "full mix" : "no drums", r->acts, r->laps);
    for (size_t i = 0; i < CLICK_N_KINDS; i++) {
        if (t->n_events[i] > 0) {
            printf(" %zu of %zu %ss (%zu click),", t->n_judged[i], t->n_events[i],
                   click_kind_name((click_kind)i), t->n_clicks[i]);
        }
    }
    printf(" worst %.2f %s\n", t->worst, t->example);
    (void)fflush(stdout);
}

/* At bar lines and where a context begins anew notes start nearly always: little is judged there.
 */
static size_t least_judged(const run *r)
{
    bool on_notes = r->act->field == JAM_FIELD_AT_BAR || r->act->kind == CLICK_RESET;
    return on_notes ? 0 : r->tally.n_events[r->act->kind] / 2;
}

/* The session has seen that copies are equal to the bit: a join adds nothing to what the engine
 * plays. What is flagged there is an attack that comes late after its note's start: rare. */
static size_t most_clicks(const click_tally *t, click_kind kind)
{
    return kind == CLICK_JOIN ? t->n_judged[kind] / 1000 : 0;
}

static void check(const run *r)
{
    const click_tally *t = &r->tally;
    const char *mix = r->drums ? "full mix" : "no drums";
    for (size_t i = 0; i < CLICK_N_KINDS; i++) {
        cr_expect_leq(t->n_clicks[i], most_clicks(t, (click_kind)i), "%s, %s: %zu clicks; %s",
                      r->act->name, mix, t->n_clicks[i], t->example);
    }
    cr_expect_geq(t->n_events[r->act->kind], r->acts / 2, "%s, %s", r->act->name, mix);
    cr_expect_geq(t->n_judged[r->act->kind], least_judged(r), "%s, %s: %zu of %zu judged",
                  r->act->name, mix, t->n_judged[r->act->kind], t->n_events[r->act->kind]);
}

static void expect_none(bool drums)
{
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("", NULL, &engine), 0);
    for (size_t i = 0; i < click_n_cases; i += FIGURES_EVERY(9)) {
        run r = {.engine = engine, .act = &click_cases[i], .drums = drums, .luck = {i + 1}};
        play_case(&r);
        report(&r);
        check(&r);
    }
    (void)band_engine_free(engine);
}

Test(clicks, nothing_clicks_in_the_full_mix)
{
    expect_none(true);
}

Test(clicks, nothing_clicks_with_drums_muted)
{
    expect_none(false);
}

/* Chords alone of a style: ten seconds, with a step every third of a second. Where a style's own
 * sound moves by more than half a step from sample to sample nothing can be told. */
static void expect_steps_flagged(const jam_engine *engine, const char *style)
{
    char params[256];
    click_tally without = {0}, with = {0};
    (void)snprintf(params, sizeof(params),
                   "\"styles\":[\"%s\"],\"stems\":{\"chords\":{\"solo\":true}}", style);
    click_session *s = click_session_open(engine, 1, params);
    for (size_t i = 0; i < STEP_FRAMES; i++) {
        cr_assert(click_session_play(s));
    }
    click_session_judge(s, &without);
    for (size_t at = STEP_EVERY; at < click_session_heard(s); at += STEP_EVERY) {
        click_session_step(s, at, STEP);
    }
    click_session_judge(s, &with);
    (void)click_session_free(s);
    cr_expect_leq(without.worst, 2, "%s without: %.2f", style, without.worst);
    cr_expect_geq(with.n_judged[CLICK_UPDATE], 15, "%s: %zu", style, with.n_judged[CLICK_UPDATE]);
    cr_expect_eq(with.n_clicks[CLICK_UPDATE], with.n_judged[CLICK_UPDATE], "%s: %zu of %zu", style,
                 with.n_clicks[CLICK_UPDATE], with.n_judged[CLICK_UPDATE]);
}

Test(clicks, the_test_flags_a_step_of_a_hundredth_in_chords_alone)
{
    static const char *const styles[] = {"smooth jazz", "deep house", "amapiano", "hiphop",
                                         "trip hop",    "rnb",        "reggae",   "calypso",
                                         "blues",       "ambient",    "downtempo"};
    jam_engine *engine = NULL;
    cr_assert_eq(band_engine_new("", NULL, &engine), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(styles); i += FIGURES_EVERY(4)) {
        expect_steps_flagged(engine, styles[i]);
    }
    (void)band_engine_free(engine);
}

Test(clicks, every_field_of_an_update_has_a_case)
{
    for (size_t field = 0; field < JAM_N_FIELDS; field++) {
        bool found = (jam_field_get((jam_field)field)->when & JAM_WHEN_UPDATE) == 0;
        for (size_t i = 0; i < click_n_cases; i++) {
            found = found || click_cases[i].field == (jam_field)field;
        }
        cr_expect(found, "%s", jam_field_get((jam_field)field)->name);
    }
}
