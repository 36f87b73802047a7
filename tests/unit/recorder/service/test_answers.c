/* A socket in the test's own process: what is said on it, in which order. */
#include "recorder_socket.h"
#include "recorder_text.h"
#include "recorder_world.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { N_TEXTS = 64, N_TURNS = 50, WAIT_S = 20 };

/* A client of the socket, which keeps what it hears. */
typedef struct client {
    recorder_socket *socket;
    recorder_session *session;
    pthread_mutex_t lock; /* below */
    char types[N_TEXTS][16];
    size_t n;
    sem_t heard; /* one for each text */
    sem_t released;
} client;

static void hear(void *user, const char *json, size_t len)
{
    client *c = user;
    json_t *message = json_loadb(json, len, 0, NULL);
    pthread_mutex_lock(&c->lock);
    cr_assert_lt(c->n, (size_t)N_TEXTS);
    (void)snprintf(c->types[c->n++], sizeof(c->types[0]), "%s",
                   json_string_value(json_object_get(message, "type")));
    pthread_mutex_unlock(&c->lock);
    json_decref(message);
    sem_post(&c->heard);
}

static int take_audio(void *user, const uint8_t *head, const void *data, size_t len)
{
    (void)user;
    (void)head;
    (void)data;
    (void)len;
    return 0;
}

static void never_close(void *user, uint32_t code, const char *reason)
{
    (void)user;
    cr_assert_fail("closed: %u %s", code, reason);
}

static void no_resume(void *user)
{
    (void)user;
}

static void let_go(void *user)
{
    client *c = user;
    sem_post(&c->released);
}

static const recorder_socket_port port = {hear, take_audio, never_close, no_resume, let_go};

static void subscribe_in_trouble(recorder_world *w, void *user)
{
    client *c = user;
    char line[128];
    char id[RECORDER_ID_TEXT];
    w->service.low = true;
    w->service.degraded = true;
    const recorder_caller caller = {.tenant = "t", .scopes = ""};
    c->socket = recorder_socket_open(&w->service, &port, c, &caller);
    int len = snprintf(line, sizeof(line), "{\"type\":\"subscribe\",\"session\":\"%s\"}",
                       recorder_text_id(c->session->take->start.id, id));
    recorder_socket_text(c->socket, line, (size_t)len);
}

static void leave(recorder_world *w, void *user)
{
    client *c = user;
    (void)w;
    recorder_socket_gone(c->socket);
}

/* The events are told by the loop, the answer by the thread that codes the stream. */
Test(recorder_answers, section_8_a_subscriber_hears_that_it_is_one_before_any_event)
{
    recorder_world w;
    recorder_session *s;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    for (int turn = 0; turn < N_TURNS; turn++) {
        client c = {.session = s, .lock = PTHREAD_MUTEX_INITIALIZER};
        sem_init(&c.heard, 0, 0);
        sem_init(&c.released, 0, 0);
        world_do(&w, subscribe_in_trouble, &c);
        for (int i = 0; i < 3; i++) {
            const struct timespec until = {.tv_sec = time(NULL) + WAIT_S};
            cr_assert_eq(sem_timedwait(&c.heard, &until), 0, "turn %d: text %d", turn, i);
        }
        cr_expect_str_eq(c.types[0], "subscribed", "turn %d", turn);
        cr_expect_str_eq(c.types[1], "event");
        cr_expect_str_eq(c.types[2], "event");
        world_do(&w, leave, &c);
        sem_wait(&c.released);
        sem_destroy(&c.heard);
        sem_destroy(&c.released);
    }
    world_close(&w);
    world_done(&w);
}
