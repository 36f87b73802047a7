#include "job_store_sql_turns.h"

#include "job_store_sql_lanes.h"

#define AGEING_MS 60000

/* A job gains a level for each minute that it waits, up to the highest. */
static int64_t effective(int64_t now_ms, int64_t priority, const job_turn *t)
{
    int64_t aged = priority + (now_ms - t->due_ms) / AGEING_MS;
    return RF_MIN(aged, (int64_t)JOB_PRIORITIES - 1);
}

static bool goes_before(int64_t now_ms, const job_level *a, const job_level *b)
{
    const job_turn *x = &a->rows[a->at];
    const job_turn *y = &b->rows[b->at];
    int64_t px = effective(now_ms, a->priority, x);
    int64_t py = effective(now_ms, b->priority, y);
    if (px != py) {
        return px > py;
    }
    return x->due_ms != y->due_ms ? x->due_ms < y->due_ms : x->job < y->job;
}

/* The level whose head is next, NULL when nothing of the application may start. */
static job_level *next_level(const job_lanes *lanes, job_lane *l)
{
    job_level *best = NULL;
    for (size_t i = 0; i < l->n_levels && l->room > 0; i++) {
        job_level *v = &l->levels[i];
        if (v->at < v->n && (best == NULL || goes_before(lanes->tx->now_ms, v, best))) {
            best = v;
        }
    }
    return best;
}

/* Of the lanes from place from on, those that have nothing due go. */
static void drop_idle(job_lanes *lanes, size_t from)
{
    size_t kept = from;
    for (size_t i = from; i < lanes->n; i++) {
        if (next_level(lanes, lanes->list[i]) != NULL) {
            lanes->list[kept++] = lanes->list[i];
        }
    }
    lanes->n = kept;
}

/* Applications in the order of their turns from place on; those that may start nothing are passed
 * over. */
static void gather(job_lanes *lanes, const job_place *place, size_t max)
{
    job_lanes_cursor c = job_lanes_after(place->left > 0 ? place->app - 1 : place->app);
    size_t wanted = RF_MIN(max, (size_t)JOB_LANES_MAX);
    while (!c.over && lanes->n < wanted && job_sql_error(lanes->tx->db) == 0) {
        size_t from = lanes->n;
        job_lanes_find(lanes, &c, wanted - from);
        job_lanes_read(lanes, max);
        drop_idle(lanes, from);
    }
}

/* Gives a lane its turn: at most quota jobs. Returns how many. */
static size_t take_turn(const job_lanes *lanes, job_lane *l, size_t quota, job_turn *found)
{
    size_t n = 0;
    job_level *v;
    while (n < quota && (v = next_level(lanes, l)) != NULL) {
        found[n++] = v->rows[v->at++];
        l->room--;
    }
    return n;
}

/* Every lane once. Returns how many jobs it gave; place is that of the last turn. */
static size_t go_round(const job_lanes *lanes, size_t max, job_place *place, job_turn *found)
{
    size_t n = 0;
    for (size_t i = 0; i < lanes->n && n < max; i++) {
        job_lane *l = lanes->list[i];
        bool goes_on = place->app == l->app && place->left > 0;
        size_t quota = (size_t)(goes_on ? RF_MIN(place->left, l->weight) : l->weight);
        size_t got = take_turn(lanes, l, RF_MIN(quota, max - n), found + n);
        if (got > 0) {
            *place =
                (job_place){.app = l->app, .left = n + got == max ? (int64_t)(quota - got) : 0};
        }
        n += got;
    }
    return n;
}

size_t job_tx_turns(job_tx *tx, job_pool pool, size_t max, job_place *place, job_turn *found)
{
    job_lanes lanes = {.tx = tx, .pool = (int64_t)pool};
    gather(&lanes, place, max);
    size_t n = 0;
    for (size_t got = 1; lanes.n > 0 && n < max && got > 0; n += got) {
        job_lanes_read(&lanes, max - n);
        got = go_round(&lanes, max - n, place, found + n);
    }
    return n;
}
