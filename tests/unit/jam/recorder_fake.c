#include "recorder_fake.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct fake_port {
    jam_recorder api; /* first */
    fake_recorder *fake;
    rf_loop *loop;
    struct fake_port *next;
} fake_port;

struct jam_link {
    fake_port *port;
    fake_take *take;
    const jam_link_events *events;
    void *user; /* NULL: closed */
    bool is_lost;
    bool was_full;
    struct jam_link *next;
};

typedef enum said_kind { BEGUN, DURABLE, ROOM, REFUSED, STOPPED, LOST } said_kind;

typedef struct said {
    jam_link *link;
    said_kind kind;
    int64_t n;
    char code[32];
} said;

static void deliver(void *user)
{
    said *s = user;
    jam_link *l = s->link;
    if (l->user == NULL) {
        free(s);
        return;
    }
    switch (s->kind) {
    case BEGUN:
        l->events->begun(l->user, l->take->id, l->take->key, s->n);
        break;
    case DURABLE:
        l->events->durable(l->user, s->n);
        break;
    case ROOM:
        l->events->room(l->user);
        break;
    case REFUSED:
        l->events->refused(l->user, s->code);
        break;
    case STOPPED:
        l->events->stopped(l->user);
        break;
    case LOST:
        l->events->lost(l->user);
        break;
    }
    free(s);
}

static void say(jam_link *l, said_kind kind, int64_t n, const char *code)
{
    said *s = RF_NEW(said);
    s->link = l;
    s->kind = kind;
    s->n = n;
    rf_copy_str(s->code, sizeof(s->code), code);
    rf_loop_post(l->port->loop, deliver, s);
}

static void lose(jam_link *l)
{
    if (!l->is_lost) {
        l->is_lost = true;
        if (l->take != NULL) {
            l->take->is_live = false;
        }
        say(l, LOST, 0, "");
    }
}

static jam_link *make_link(jam_recorder *self, const jam_link_events *events, void *user)
{
    jam_link *l = RF_NEW(jam_link);
    l->port = (fake_port *)self;
    l->events = events;
    l->user = user;
    l->next = l->port->fake->links;
    l->port->fake->links = l;
    return l;
}

static jam_link *start(jam_recorder *self, const char *tenant, const char *body,
                       const jam_link_events *events, void *user)
{
    jam_link *l = make_link(self, events, user);
    fake_recorder *f = l->port->fake;
    if (f->is_away) {
        lose(l);
    } else if (f->refuse != NULL) {
        say(l, REFUSED, 0, f->refuse);
    } else {
        cr_assert_lt(f->n_takes, (size_t)FAKE_TAKES_MAX);
        fake_take *t = l->take = &f->takes[f->n_takes++];
        snprintf(t->id, sizeof(t->id), "%032zx", f->n_takes);
        snprintf(t->key, sizeof(t->key), "recordings/jam/%032zx.wav", f->n_takes);
        rf_copy_str(t->tenant, sizeof(t->tenant), tenant);
        t->body = rf_strdup(body);
        t->stopped_at = -1;
        t->is_live = true;
        say(l, BEGUN, 0, "");
    }
    return l;
}

static jam_link *attach(jam_recorder *self, const char *tenant, const char *id,
                        const jam_link_events *events, void *user)
{
    jam_link *l = make_link(self, events, user);
    fake_recorder *f = l->port->fake;
    fake_take *t = NULL;
    for (size_t i = 0; i < f->n_takes; i++) {
        t = strcmp(f->takes[i].id, id) == 0 ? &f->takes[i] : t;
    }
    cr_assert_not_null(t);
    cr_assert_str_eq(t->tenant, tenant);
    if (f->is_away) {
        lose(l);
    } else if (f->refuse != NULL || t->is_live) {
        say(l, REFUSED, 0, f->refuse != NULL ? f->refuse : "ALREADY_RECORDING");
    } else {
        l->take = t;
        t->is_live = true;
        say(l, BEGUN, t->durable, "");
    }
    return l;
}

static int take_frames(jam_link *l, int64_t first, int64_t n, const float *pcm)
{
    fake_take *t = l->take;
    if (l->port->fake->is_full) {
        l->was_full = true;
        return -EAGAIN;
    }
    t->out_of_order |= first != t->n_frames || t->is_over;
    if (t->n_frames + n > t->cap) {
        t->cap = 2 * (t->n_frames + n);
        t->pcm = rf_grow(t->pcm, (size_t)t->cap, JAM_CHANNELS * sizeof(float));
    }
    float *at = t->pcm + t->n_frames * JAM_CHANNELS;
    size_t size = (size_t)n * JAM_CHANNELS * sizeof(float);
    if (pcm != NULL) {
        memcpy(at, pcm, size);
    } else {
        memset(at, 0, size);
    }
    t->n_frames += n;
    if (!l->port->fake->is_mute) {
        t->durable = t->n_frames;
        say(l, DURABLE, t->durable, "");
    }
    return 0;
}

static int audio(jam_link *l, int64_t first, uint32_t n, jam_block *block, size_t offset)
{
    return take_frames(l, first, n,
                       (const float *)(const void *)block->data + offset * JAM_CHANNELS);
}

static int gap(jam_link *l, int64_t first, int64_t n)
{
    fake_take *t = l->take;
    int err = take_frames(l, first, n, NULL);
    if (err == 0) {
        cr_assert_lt(t->n_gaps, (size_t)FAKE_GAPS_MAX);
        t->gaps[t->n_gaps].first = first;
        t->gaps[t->n_gaps++].n = n;
    }
    return err;
}

static int stop(jam_link *l, int64_t n_frames)
{
    if (l->port->fake->is_full) {
        l->was_full = true;
        return -EAGAIN;
    }
    l->take->stopped_at = n_frames;
    if (l->port->fake->refuse != NULL) {
        say(l, REFUSED, 0, l->port->fake->refuse);
        return 0;
    }
    l->take->is_over = true;
    say(l, STOPPED, 0, "");
    return 0;
}

static void close_link(jam_link *l)
{
    l->user = NULL;
    if (l->take != NULL && !l->is_lost) {
        l->take->is_live = false;
    }
}

/* ---- notes ---- */

struct jam_notes {
    void (*done)(void *user, int err);
    void *user;
    int err;
};

static void deliver_notes(void *user)
{
    struct jam_notes *n = user;
    if (n->user != NULL) {
        n->done(n->user, n->err);
    }
    free(n);
}

static struct jam_notes *notes(jam_recorder *self, const char *tenant, const char *id,
                               const char *json, void (*done)(void *user, int err), void *user)
{
    fake_port *p = (fake_port *)self;
    struct jam_notes *n = RF_NEW(struct jam_notes);
    *n = (struct jam_notes){.done = done, .user = user, .err = p->fake->is_away ? -EAGAIN : 0};
    if (n->err == 0 && p->fake->notes_fail > 0) {
        p->fake->notes_fail--;
        n->err = -EIO;
    }
    for (size_t i = 0; n->err == 0 && i < p->fake->n_takes; i++) {
        fake_take *t = &p->fake->takes[i];
        if (strcmp(t->id, id) == 0) {
            cr_assert_str_eq(t->tenant, tenant);
            free(t->notes);
            t->notes = rf_strdup(json);
        }
    }
    rf_loop_post(p->loop, deliver_notes, n);
    return n;
}

static void forget(struct jam_notes *n)
{
    n->user = NULL;
}

/* ---- life ---- */

jam_recorder *fake_recorder_on(fake_recorder *fake, world *w)
{
    fake_port *p = RF_NEW(fake_port);
    p->api = (jam_recorder){.start = start,
                            .attach = attach,
                            .audio = audio,
                            .gap = gap,
                            .stop = stop,
                            .close = close_link,
                            .notes = notes,
                            .forget = forget};
    p->fake = fake;
    p->loop = w->loop;
    p->next = fake->ports;
    fake->ports = p;
    return &p->api;
}

void fake_recorder_kill(fake_recorder *fake)
{
    fake->is_away = true;
    for (jam_link *l = fake->links; l != NULL; l = l->next) {
        if (l->user != NULL) {
            lose(l);
        }
    }
    for (size_t i = 0; i < fake->n_takes; i++) {
        fake->takes[i].n_frames = fake->takes[i].durable;
    }
}

void fake_recorder_return(fake_recorder *fake)
{
    fake->is_away = false;
}

void fake_recorder_room(fake_recorder *fake)
{
    fake->is_full = false;
    for (jam_link *l = fake->links; l != NULL; l = l->next) {
        if (l->user != NULL && l->was_full) {
            l->was_full = false;
            say(l, ROOM, 0, "");
        }
    }
}

void fake_recorder_done(fake_recorder *fake)
{
    while (fake->links != NULL) {
        jam_link *l = fake->links;
        fake->links = l->next;
        free(l);
    }
    while (fake->ports != NULL) {
        fake_port *p = fake->ports;
        fake->ports = p->next;
        free(p);
    }
    for (size_t i = 0; i < fake->n_takes; i++) {
        free(fake->takes[i].body);
        free(fake->takes[i].pcm);
        free(fake->takes[i].notes);
    }
    *fake = (fake_recorder){.n_takes = 0};
}
