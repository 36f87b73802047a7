/*
 * Whether an application may make one more job (of those queued, and of a day), and the outbox have
 * more rows. The counts stand in the database; where asking is a round trip, what was heard lately
 * is good enough, as long as it is far from the limit with all counted in that this store has made
 * since.
 */
#include "job_store_sql.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "rf_time.h"

#define ROOMS_MAX 10000
#define FRESH_NS (200 * RF_NS_PER_MS)

typedef struct job_room {
    char id[RF_UUID_LEN];
    int64_t app;
    int64_t queued; /* at asked_ns, and those made since */
    int64_t asked_ns;
    UT_hash_handle hh;
} job_room;

static void forget_all(job_common *c)
{
    while (c->rooms != NULL) {
        job_room *room = c->rooms;
        HASH_DEL(c->rooms, room);
        free(room);
    }
}

void job_tx_forget_rooms(job_tx *tx)
{
    pthread_mutex_lock(&tx->common->mutex);
    forget_all(tx->common);
    pthread_mutex_unlock(&tx->common->mutex);
}

void job_common_done(job_common *c)
{
    forget_all(c);
    job_common_forget_apps(c);
    pthread_mutex_destroy(&c->mutex);
}

static bool has_plenty(const job_room *room, int64_t max)
{
    return rf_time_ns() - room->asked_ns < FRESH_NS && room->queued < max - max / 10 - 1;
}

/* Whether the memory says that there is plenty of room; one more is counted in then. */
static bool remember(job_tx *tx, const char *app, int64_t *ret_app)
{
    job_room *room;
    pthread_mutex_lock(&tx->common->mutex);
    HASH_FIND_STR(tx->common->rooms, app, room);
    bool plenty = room != NULL && has_plenty(room, tx->options->queued_max);
    if (plenty) {
        room->queued++;
        *ret_app = room->app;
    }
    pthread_mutex_unlock(&tx->common->mutex);
    return plenty;
}

static void keep(job_tx *tx, const job_tally *tally)
{
    job_room *room;
    job_common *c = tx->common;
    pthread_mutex_lock(&c->mutex);
    HASH_FIND_STR(c->rooms, tally->id, room);
    if (room == NULL) {
        if (HASH_COUNT(c->rooms) == ROOMS_MAX) {
            forget_all(c);
        }
        room = RF_NEW(job_room);
        rf_copy_str(room->id, sizeof(room->id), tally->id);
        HASH_ADD_STR(c->rooms, id, room);
    }
    room->app = tally->app;
    room->queued = tally->queued + tally->more + 1;
    room->asked_ns = rf_time_ns();
    pthread_mutex_unlock(&c->mutex);
}

int job_tx_has_room(job_tx *tx, const char *app, int64_t *ret_app)
{
    bool shared = job_sql_shared(tx->db);
    if (shared && remember(tx, app, ret_app)) {
        return 0;
    }
    const job_tally *tally = job_tx_tally(tx, app);
    if (tally == NULL) {
        return -ENOENT;
    }
    *ret_app = tally->app;
    if (tally->per_day > 0 && tally->today + tally->made >= tally->per_day) {
        return -EUSERS;
    }
    if (tally->queued + tally->more >= tx->options->queued_max) {
        return -EDQUOT;
    }
    if (shared && tally->per_day == 0) { /* who may make so many a day is counted each time */
        keep(tx, tally);
    }
    return 0;
}

/* ---- the outbox ---- */

#define ROWS_OF_A_JOB 3 /* at least, until its end */

static bool outbox_has_plenty(job_tx *tx)
{
    job_common *c = tx->common;
    pthread_mutex_lock(&c->mutex);
    bool plenty = c->outbox_asked_ns != 0 && rf_time_ns() - c->outbox_asked_ns < FRESH_NS &&
                  c->outbox_rows < tx->options->outbox_max / 2;
    c->outbox_rows += plenty ? ROWS_OF_A_JOB : 0;
    pthread_mutex_unlock(&c->mutex);
    return plenty;
}

static int64_t count_outbox(job_tx *tx)
{
    int64_t n = job_tx_packs_count(tx);
    pthread_mutex_lock(&tx->common->mutex);
    tx->common->outbox_rows = n;
    tx->common->outbox_asked_ns = rf_time_ns();
    pthread_mutex_unlock(&tx->common->mutex);
    return n;
}

bool job_tx_outbox_full(job_tx *tx)
{
    int64_t max = tx->options->outbox_max;
    if (max == 0 || !tx->options->events || (job_sql_shared(tx->db) && outbox_has_plenty(tx))) {
        return false;
    }
    if (tx->outbox_room == 0) {
        tx->outbox_room = RF_MAX(max - count_outbox(tx), -1);
    } else if (tx->outbox_room > 0) {
        tx->outbox_room--;
    }
    tx->outbox_room = tx->outbox_room == 0 ? -1 : tx->outbox_room;
    return tx->outbox_room < 0;
}
