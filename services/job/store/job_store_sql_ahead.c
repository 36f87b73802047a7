/*
 * Looking ahead: operations that end attempts and follow one another ask for all their leases at
 * once, where each question would be a round trip of its own.
 */
#include "job_store_sql.h"

#include <uthash.h>

typedef struct job_ahead {
    const char *id;
    job_running run;
    bool running; /* it has a lease */
    bool used;
    UT_hash_handle hh;
} job_ahead;

static void add(job_tx *tx, const char *id)
{
    job_ahead *a;
    HASH_FIND_STR(tx->ahead, id, a);
    if (a == NULL) {
        a = job_arena_alloc(&tx->arena, sizeof(*a));
        a->id = id;
        HASH_ADD_KEYPTR(hh, tx->ahead, id, strlen(id), a);
    }
}

static void read_row(void *user, size_t i, job_rows *rows)
{
    job_tx *tx = user;
    job_running run;
    job_ahead *a;
    (void)i;
    job_tx_read_running(tx, rows, &run);
    HASH_FIND_STR(tx->ahead, run.id, a);
    if (a != NULL) {
        a->run = run;
        a->running = true;
    }
}

static void ask(job_tx *tx)
{
    size_t n = 0;
    const char **ids = job_arena_array(&tx->arena, HASH_COUNT(tx->ahead) + 1, sizeof(*ids));
    for (const job_ahead *a = tx->ahead; a != NULL; a = a->hh.next) {
        ids[n++] = a->id;
    }
    const job_sql_many many = {.texts = ids, .n = n, .row = read_row, .user = tx};
    job_sql_each(tx->db, JOB_RUNNING_QUERY, &many);
}

void job_tx_look_ahead(job_tx *tx, const job_op *first)
{
    job_tx_forget_ahead(tx);
    for (const job_op *op = first; op != NULL && op->kind == JOB_OP_FINISH; op = op->next) {
        const job_op_finish *finish = (const job_op_finish *)op;
        for (size_t i = 0; i < finish->n_items; i++) {
            add(tx, finish->items[i].id);
        }
    }
    ask(tx);
}

void job_tx_forget_ahead(job_tx *tx)
{
    HASH_CLEAR(hh, tx->ahead);
}

/* What was found serves once: the second end of an attempt must see what the first one did. */
bool job_tx_ahead(job_tx *tx, const char *id, const job_running **ret)
{
    job_ahead *a;
    HASH_FIND_STR(tx->ahead, id, a);
    if (a == NULL || a->used) {
        return false;
    }
    a->used = true;
    *ret = a->running ? &a->run : NULL;
    return true;
}
