#include "job_store_sql_lanes.h"

#define PLACES 16     /* above the priorities; also in the text below */
#define LOOK_PARAMS 7 /* of the query that reads a level */

/* ---- applications and their levels ---- */

/* Steps from one level that has jobs to the next, in the order of applications, once around; a step
 * without a key is where it begins again. What waits behind the head of a level is not seen: the
 * two cases of a step are not one, (app, priority)>(?, ?), for which SQLite walks through the rest
 * of the application. The room of an application is told with its first level. */
#define NEXT_OF_APP                                                                                \
    " coalesce((SELECT r.app*16+r.priority FROM ready r WHERE r.pool=?1"                           \
    "  AND r.app=coalesce(l.key, -1)/16 AND r.priority>coalesce(l.key, -1)%16"                     \
    "  ORDER BY r.priority LIMIT 1),"
static const char levels_text[] =
    "WITH RECURSIVE levels(i, key, wrapped, before) AS (SELECT 0, ?2, ?3, ?2 UNION ALL"
    " SELECT l.i+1," NEXT_OF_APP
    " (SELECT r.app*16+r.priority FROM ready r WHERE r.pool=?1 AND r.app>coalesce(l.key, -1)/16"
    "  AND r.app<=CASE WHEN l.key IS NULL OR l.wrapped=1 THEN ?4 ELSE 9223372036854775807 END"
    "  ORDER BY r.app, r.priority LIMIT 1)),"
    " CASE WHEN l.key IS NULL THEN 1 ELSE l.wrapped END, l.key"
    " FROM levels l WHERE l.i<?5 AND (l.key IS NOT NULL OR l.wrapped=0))"
    " SELECT l.key/16, l.key%16, l.wrapped, a.weight, CASE WHEN l.key/16=l.before/16 THEN 0"
    " ELSE coalesce(a.concurrency, ?6)-(SELECT count(*) FROM leases WHERE app=a.seq) END"
    " FROM levels l LEFT JOIN applications a ON a.seq=l.key/16 WHERE l.i>0 ORDER BY l.i";

static int64_t behind(int64_t app)
{
    return app * PLACES + PLACES - 1;
}

job_lanes_cursor job_lanes_after(int64_t app)
{
    return (job_lanes_cursor){.key = behind(app), .first = app};
}

/* An application that may start nothing has no lane. */
static void add_level(job_lanes *lanes, job_rows *rows)
{
    int64_t app = job_sql_int(rows, 0);
    job_lane *l = lanes->n > 0 ? lanes->list[lanes->n - 1] : NULL;
    if (l == NULL || l->app != app) {
        int64_t room = job_sql_int(rows, 4);
        if (app == 0 || room <= 0) {
            return;
        }
        l = job_arena_alloc(&lanes->tx->arena, sizeof(*l));
        *l = (job_lane){.app = app, .weight = job_sql_int(rows, 3), .room = room};
        lanes->list[lanes->n++] = l;
    }
    l->levels[l->n_levels++] = (job_level){.priority = job_sql_int(rows, 1)};
}

/* The look was cut short at an application, which may lack levels and comes again, or (0) where it
 * begins again. */
static void step_back(job_lanes *lanes, job_lanes_cursor *c, int64_t app)
{
    if (app == 0) {
        c->key = -1;
        c->wrapped = 1;
    } else {
        c->key = behind(app - 1);
        lanes->n -= lanes->n > 0 && lanes->list[lanes->n - 1]->app == app;
    }
}

void job_lanes_find(job_lanes *lanes, job_lanes_cursor *c, size_t max)
{
    int64_t limit = (int64_t)(max + JOB_PRIORITIES); /* all levels of one, and the place to begin */
    int64_t n = 0;
    int64_t app = 0;
    job_rows *rows = job_sql_query(lanes->tx->db, levels_text, "iiiiii", lanes->pool, c->key,
                                   c->wrapped, c->first, limit, lanes->tx->options->concurrency);
    for (; job_sql_next(lanes->tx->db, rows); n++) {
        app = job_sql_int(rows, 0);
        c->wrapped = job_sql_int(rows, 2);
        add_level(lanes, rows);
    }
    c->over = n < limit || (app == 0 && c->wrapped == 1);
    if (!c->over) {
        step_back(lanes, c, app);
    }
}

/* Once through all levels. */
static const char waiting_text[] =
    "WITH RECURSIVE levels(key) AS (SELECT ?2 UNION ALL SELECT" NEXT_OF_APP
    " (SELECT r.app*16+r.priority FROM ready r WHERE r.pool=?1 AND r.app>l.key/16"
    "  ORDER BY r.app, r.priority LIMIT 1)) FROM levels l WHERE l.key IS NOT NULL)"
    " SELECT l.key/16, l.key%16, (SELECT r.due_ms FROM ready r WHERE r.pool=?1"
    "  AND r.app=l.key/16 AND r.priority=l.key%16 ORDER BY r.due_ms LIMIT 1)"
    " FROM levels l WHERE l.key>=0";

void job_lanes_waiting(job_tx *tx, int64_t pool, void (*fn)(void *user, const job_waiting *w),
                       void *user)
{
    job_rows *rows = job_sql_query(tx->db, waiting_text, "ii", pool, (int64_t)-1);
    while (job_sql_next(tx->db, rows)) {
        const job_waiting w = {.app = job_sql_int(rows, 0),
                               .priority = job_sql_int(rows, 1),
                               .oldest_ms = job_sql_int(rows, 2)};
        fn(user, &w);
    }
}

/* ---- their jobs ---- */

/* The levels that a read is for, and its parameters. */
typedef struct look {
    job_level **levels;
    int64_t *params;
    size_t n;
} look;

/* Room for more rows behind those that are left. */
static void make_room(job_tx *tx, job_level *v, size_t more)
{
    size_t left = v->n - v->at;
    job_turn *rows = job_arena_array(&tx->arena, left + more, sizeof(*rows));
    for (size_t i = 0; i < left; i++) {
        rows[i] = v->rows[v->at + i];
    }
    v->rows = rows;
    v->n = left;
    v->at = 0;
    v->wanted = left + more;
}

static void look_at(const job_lanes *lanes, const job_lane *l, job_level *v, size_t more, look *k)
{
    const job_turn none = {.due_ms = INT64_MIN};
    const job_turn last = v->n > 0 ? v->rows[v->n - 1] : none;
    const int64_t params[LOOK_PARAMS] = {lanes->pool, l->app,   v->priority,  lanes->tx->now_ms,
                                         last.due_ms, last.job, (int64_t)more};
    if (k->levels == NULL) {
        size_t n = lanes->n * JOB_PRIORITIES;
        k->levels = job_arena_array(&lanes->tx->arena, n, sizeof(job_level *));
        k->params = job_arena_array(&lanes->tx->arena, n, sizeof(params));
    }
    make_room(lanes->tx, v, more);
    for (size_t i = 0; i < LOOK_PARAMS; i++) {
        k->params[k->n * LOOK_PARAMS + i] = params[i];
    }
    k->levels[k->n++] = v;
}

/* A level is read on when it could run dry within a round, for as many jobs as its application may
 * get of those left to give: its share by weight. */
static void look_at_lane(const job_lanes *lanes, job_lane *l, size_t left, int64_t weights, look *k)
{
    int64_t turn = RF_MIN(RF_MIN(l->weight, l->room), (int64_t)left);
    int64_t all = RF_MAX(weights, (int64_t)1);
    int64_t share = ((int64_t)left * l->weight + all - 1) / all;
    share = RF_MIN(RF_MAX(share, turn), l->room);
    for (size_t i = 0; i < l->n_levels; i++) {
        job_level *v = &l->levels[i];
        int64_t here = (int64_t)(v->n - v->at);
        if (!v->dry && here < turn) {
            look_at(lanes, l, v, (size_t)(share - here), k);
        }
    }
}

static void add_turn(void *user, size_t i, job_rows *rows)
{
    const look *k = user;
    job_level *v = k->levels[i];
    v->rows[v->n++] = (job_turn){.due_ms = job_sql_int(rows, 0),
                                 .job = job_sql_int(rows, 1),
                                 .sent_ms = job_sql_int(rows, 2)};
}

static void ask(job_tx *tx, look *k)
{
    const job_sql_many many = {
        .ints = k->params, .n_ints = LOOK_PARAMS, .n = k->n, .row = add_turn, .user = k};
    job_sql_each(tx->db,
                 "SELECT due_ms, job, sent_ms FROM ready WHERE pool=? AND app=? AND priority=?"
                 " AND due_ms<=? AND (due_ms, job)>(?, ?) ORDER BY due_ms, job LIMIT ?",
                 &many);
    for (size_t i = 0; i < k->n; i++) {
        k->levels[i]->dry = k->levels[i]->n < k->levels[i]->wanted;
    }
}

static bool may_give(const job_lane *l)
{
    bool more = false;
    for (size_t i = 0; i < l->n_levels; i++) {
        more = more || l->levels[i].at < l->levels[i].n || !l->levels[i].dry;
    }
    return more && l->room > 0;
}

void job_lanes_read(job_lanes *lanes, size_t left)
{
    look k = {.n = 0};
    int64_t weights = 0;
    for (size_t i = 0; i < lanes->n; i++) {
        weights += may_give(lanes->list[i]) ? lanes->list[i]->weight : 0;
    }
    for (size_t i = 0; i < lanes->n; i++) {
        if (may_give(lanes->list[i])) {
            look_at_lane(lanes, lanes->list[i], left, weights, &k);
        }
    }
    ask(lanes->tx, &k);
}
