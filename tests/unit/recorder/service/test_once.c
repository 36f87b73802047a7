/* Starts with an Idempotency-Key (section 8: kept 24 h). */
#include "recorder_begin.h"
#include "recorder_world.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct beginning {
    const char *tenant;
    const char *body;
    const char *key;
    uint8_t id[RECORDER_ID_LEN]; /* of the session */
    bool again;                  /* it was there */
    recorder_error error;
    sem_t ready;
} beginning;

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    beginning *b = user;
    b->error = *error;
    memcpy(b->id, s->take->start.id, sizeof(b->id));
    sem_post(&b->ready);
}

static void begin(recorder_world *w, void *user)
{
    beginning *b = user;
    recorder_session *s = NULL;
    const recorder_begin_ask ask = {.caller = {.tenant = b->tenant, .scopes = ""},
                                    .recorder_id = "",
                                    .body = b->body,
                                    .once = b->key};
    if (recorder_begin(&w->service, &ask, on_ready, b, &s, &b->error) != RECORDER_OK) {
        sem_post(&b->ready);
    }
    b->again = s == NULL;
}

static beginning begin_once(recorder_world *w, const char *tenant, const char *body,
                            const char *key)
{
    beginning b = {.tenant = tenant, .body = body, .key = key};
    sem_init(&b.ready, 0, 0);
    world_do(w, begin, &b);
    while (sem_wait(&b.ready) != 0) {
    }
    sem_destroy(&b.ready);
    return b;
}

static bool same(const beginning *a, const beginning *b)
{
    return memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

/* As if it had been asked for a day ago. */
static void make_old(recorder_world *w, void *user)
{
    recorder_registry_get_any(w->service.registry, user)->take->start.requested_at_ns -=
        INT64_C(86400) * RF_NS_PER_S;
}

Test(recorder_once, section_8_a_key_gives_the_session_that_it_has_started)
{
    recorder_world w;
    world_init(&w);
    world_open(&w, NULL);
    beginning a = begin_once(&w, "t", "{\"rate\":8000}", "k");
    beginning b = begin_once(&w, "t", "{\"rate\": 8000}", "k");
    cr_expect(!a.again && b.again && same(&a, &b), "the same body, written otherwise");
    b = begin_once(&w, "t", "{\"rate\":8000}", "l");
    cr_expect(!b.again && !same(&a, &b), "another key");
    b = begin_once(&w, "u", "{\"rate\":8000}", "k");
    cr_expect(!b.again && !same(&a, &b), "another tenant");
    b = begin_once(&w, "t", "{\"rate\":8000}", "");
    cr_expect(!b.again && !same(&a, &b), "no key");
    world_close(&w);
    world_done(&w);
}

Test(recorder_once, section_8_another_body_is_refused_and_starts_nothing)
{
    recorder_world w;
    char longest[257];
    size_t n = 0;
    size_t all = 0;
    world_init(&w);
    world_open(&w, NULL);
    (void)begin_once(&w, "t", "{\"rate\":8000}", "k");
    beginning b = begin_once(&w, "t", "{\"rate\":8000,\"channels\":2}", "k");
    cr_expect_eq(b.error.code, RECORDER_INVALID_ARGUMENT);
    cr_expect_not_null(strstr(b.error.message, "idempotency_key"), "%s", b.error.message);
    memset(longest, 'k', sizeof(longest) - 1);
    longest[256] = '\0';
    cr_expect_eq(begin_once(&w, "t", "", longest).error.code, RECORDER_INVALID_ARGUMENT);
    longest[255] = '\0';
    cr_expect_eq(begin_once(&w, "t", "", longest).error.code, RECORDER_OK);
    recorder_registry_count(w.service.registry, "t", &n, &all);
    cr_expect_eq(n, 2u);
    world_close(&w);
    world_done(&w);
}

Test(recorder_once, section_8_a_key_is_kept_24_hours_and_through_a_restart)
{
    recorder_world w;
    world_init(&w);
    world_open(&w, NULL);
    beginning a = begin_once(&w, "t", "", "k");
    world_close(&w);
    world_open(&w, NULL);
    beginning b = begin_once(&w, "t", "", "k");
    cr_expect(b.again && same(&a, &b));
    world_do(&w, make_old, a.id);
    b = begin_once(&w, "t", "", "k");
    cr_expect(!b.again && !same(&a, &b));
    beginning c = begin_once(&w, "t", "", "k");
    cr_expect(c.again && same(&b, &c));
    world_close(&w);
    world_done(&w);
}
