/*
 * Events that wait for the bus (spec jobs.md K1, K3): those of a transaction are packed into few
 * rows, since a row for each would cost the database more than the change that it tells of.
 */
#include "job_store_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 1000
#define COUNT_APP 0 /* in application_counts */

/* ---- writing ---- */

static void write_pack(job_tx *tx)
{
    job_pack *p = &tx->pack;
    job_sql_run(tx->db, "INSERT INTO packs(n, events, created_ms) VALUES(?,?,?)", "iti",
                (int64_t)p->n, job_arena_str(&tx->arena, p->lines), tx->now_ms);
    job_tx_queued(tx, COUNT_APP, (int64_t)p->n);
    p->n = p->len = 0;
}

void job_tx_event(job_tx *tx, const char *id, uint64_t fence, const char *kind)
{
    job_pack *p = &tx->pack;
    if (!tx->options->events) {
        return;
    }
    int len =
        snprintf(p->lines + p->len, JOB_PACK_LINE_MAX, "%s %" PRIu64 " %s\n", kind, fence, id);
    p->len += (size_t)RF_MIN(len, JOB_PACK_LINE_MAX - 1);
    tx->outbox = true;
    if (++p->n == JOB_PACK_MAX) {
        write_pack(tx);
    }
}

void job_tx_packs_settle(job_tx *tx)
{
    if (tx->pack.n > 0) {
        write_pack(tx);
    }
}

/* ---- reading ---- */

/* The next word of a text, which it is cut off from. */
static char *word(char **text, char end)
{
    char *begin = *text;
    char *at = strchr(begin, end);
    *text = at == NULL ? begin + strlen(begin) : at + 1;
    if (at != NULL) {
        *at = '\0';
    }
    return begin;
}

static void add_pack(job_op_outbox_next *in, int64_t seq, uint32_t n, char *lines)
{
    for (uint32_t i = 0; i < n; i++) {
        char *line = word(&lines, '\n');
        job_outbox_row *row = &in->events[in->n_events++];
        *row = (job_outbox_row){.seq = seq, .at = i, .of = n};
        row->message = word(&line, ' ');
        row->fence = strtoull(word(&line, ' '), NULL, 10);
        row->job_id = line;
    }
}

static void read_packs(job_tx *tx, job_op_outbox_next *in)
{
    job_rows *rows = job_sql_query(tx->db, "SELECT seq, n, events FROM packs ORDER BY seq LIMIT ?",
                                   "i", (int64_t)EVENTS_MAX);
    while (in->n_events < EVENTS_MAX && job_sql_next(tx->db, rows)) {
        uint32_t n = (uint32_t)RF_MIN(job_sql_int(rows, 1), (int64_t)JOB_PACK_MAX);
        add_pack(in, job_sql_int(rows, 0), n, job_sql_str(rows, 2, &in->op.arena));
    }
    job_sql_end(rows);
}

static void read_single(job_tx *tx, job_op_outbox_next *in)
{
    job_rows *rows =
        job_sql_query(tx->db, "SELECT seq, job, fence, kind FROM outbox ORDER BY seq LIMIT ?", "i",
                      (int64_t)EVENTS_MAX);
    while (job_sql_next(tx->db, rows)) {
        in->events[in->n_events++] =
            (job_outbox_row){.seq = job_sql_int(rows, 0),
                             .job_id = job_sql_str(rows, 1, &in->op.arena),
                             .fence = (uint64_t)job_sql_int(rows, 2),
                             .message = job_sql_str(rows, 3, &in->op.arena)};
    }
}

/* What a version before this one has written comes first. */
void job_tx_packs_read(job_tx *tx, job_op_outbox_next *in)
{
    in->events = job_arena_array(&in->op.arena, EVENTS_MAX + JOB_PACK_MAX, sizeof(job_outbox_row));
    read_single(tx, in);
    read_packs(tx, in);
    in->more = in->n_events >= EVENTS_MAX;
}

/* ---- removing ---- */

/* How many events from the first on are those of its row: all, or as many as were acknowledged. */
static size_t same_row(const job_outbox_row *events, size_t n)
{
    size_t i = 1;
    while (i < n && events[i].seq == events[0].seq && events[i].of == events[0].of) {
        i++;
    }
    return i;
}

static void add_dropped(void *user, size_t i, job_rows *rows)
{
    int64_t *n = user;
    (void)i;
    *n += job_sql_int(rows, 0);
}

typedef struct dropping {
    job_tx *tx;
    int64_t *ranges; /* first and last number of each */
    size_t n;
} dropping;

/* Rows that follow each other go at once. */
static void add_row(dropping *d, int64_t seq)
{
    int64_t *last = &d->ranges[2 * d->n];
    if (d->n > 0 && last[-1] + 1 == seq) {
        last[-1] = seq;
    } else {
        last[0] = last[1] = seq;
        d->n++;
    }
}

/* Of packs it is told how many events went, since another replica may have removed them. */
static void drop_packs(const dropping *d)
{
    int64_t dropped = 0;
    const job_sql_many many = {
        .ints = d->ranges, .n_ints = 2, .n = d->n, .row = add_dropped, .user = &dropped};
    job_sql_each(d->tx->db, "DELETE FROM packs WHERE seq>=? AND seq<=? RETURNING n", &many);
    job_tx_queued(d->tx, COUNT_APP, -dropped);
}

static void drop_single(const dropping *d)
{
    for (size_t i = 0; i < d->n; i++) {
        job_sql_run(d->tx->db, "DELETE FROM outbox WHERE seq>=? AND seq<=?", "ii", d->ranges[2 * i],
                    d->ranges[2 * i + 1]);
    }
}

void job_tx_packs_drop(job_tx *tx, const job_outbox_row *events, size_t n)
{
    dropping packs = {.tx = tx, .ranges = job_arena_array(&tx->arena, 2 * n, sizeof(int64_t))};
    dropping single = {.tx = tx, .ranges = job_arena_array(&tx->arena, 2 * n, sizeof(int64_t))};
    for (size_t i = 0, row; i < n; i += row) {
        row = same_row(events + i, n - i);
        if (events[i].of == 0) {
            add_row(&single, events[i].seq);
        } else if (row == events[i].of) {
            add_row(&packs, events[i].seq);
        }
    }
    drop_single(&single);
    drop_packs(&packs);
}

/* ---- how many wait ---- */

/* Single rows go in the order of their numbers, so that the span tells how many there are. */
int64_t job_tx_packs_count(job_tx *tx)
{
    return job_sql_one(tx->db, 0,
                       "SELECT coalesce((SELECT max(seq) FROM outbox)-(SELECT min(seq) FROM outbox)"
                       "+1, 0)+coalesce((SELECT CAST(sum(queued) AS BIGINT) FROM application_counts"
                       " WHERE app=0), 0)",
                       "");
}

int64_t job_tx_packs_oldest_ms(job_tx *tx)
{
    int64_t single =
        job_sql_one(tx->db, 0, "SELECT created_ms FROM outbox ORDER BY seq LIMIT 1", "");
    return single != 0
               ? single
               : job_sql_one(tx->db, 0, "SELECT created_ms FROM packs ORDER BY seq LIMIT 1", "");
}
