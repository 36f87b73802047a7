/*
 * jam_admission.h - who may open a session now, and who waits (jam.md section 8, "Admission").
 *
 * A start needs a place of its engine and room for its load. One that is refused gets a place in
 * the queue, which is kept for the time it was told to wait and 2 s more; free places belong to the
 * queue in its order. Waiters are told apart by a pointer (their socket). Owner loop.
 */
#ifndef JAM_ADMISSION_H
#define JAM_ADMISSION_H

#include "jam_engines.h"

#define JAM_RETRY_MIN_MS 100
#define JAM_RETRY_MAX_MS 60000
#define JAM_HOLD_MS 2000

typedef struct jam_admission jam_admission;

typedef struct jam_admission_limits {
    size_t max_sessions; /* of all engines */
    size_t max_queue;
    double max_load; /* processors */
} jam_admission_limits;

jam_admission *jam_admission_new(jam_engines *engines, const jam_admission_limits *limits);
jam_admission *jam_admission_free(jam_admission *a);

typedef struct jam_refusal {
    uint32_t retry_after_ms;
    uint32_t queue_place; /* from 1, 0: the queue is full */
} jam_refusal;

/* jam_admission_ask takes a place for a session of the engine. Returns 0: it is to be given back
 * with jam_admission_give; or -EBUSY. */
int jam_admission_ask(jam_admission *a, jam_engine_entry *engine, const void *waiter,
                      int64_t now_ns, jam_refusal *ret);
void jam_admission_give(jam_admission *a, jam_engine_entry *engine);

/* jam_admission_forget: the waiter is gone. */
void jam_admission_forget(jam_admission *a, const void *waiter);

/* jam_admission_load is the predicted load of all sessions, in processors. */
double jam_admission_load(const jam_admission *a);

/* jam_admission_queued counts the waiters of an engine. */
size_t jam_admission_queued(jam_admission *a, const jam_engine_entry *engine, int64_t now_ns);

/* jam_admission_free_places: how many more sessions of the engine could be opened now. */
size_t jam_admission_free_places(const jam_admission *a, const jam_engine_entry *engine);

#endif
