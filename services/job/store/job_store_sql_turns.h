/*
 * job_store_sql_turns.h - the order in which waiting jobs start (spec jobs.md section 5): slots
 * rotate over applications by weight; each has so many running at most; within one, priority with
 * ageing decides, then age. Every look is at the head of an application's jobs of one priority, by
 * index: the cost does not grow with what waits behind, nor the number of questions with that of
 * jobs, applications and priorities. Included by job_store_sql*.c only.
 */
#ifndef JOB_STORE_SQL_TURNS_H
#define JOB_STORE_SQL_TURNS_H

#include "job_store_sql.h"

/* A job that may start now. */
typedef struct job_turn {
    int64_t due_ms;
    int64_t job;
    int64_t sent_ms; /* of its reference; 0: not sent */
} job_turn;

/* job_tx_turns writes the first max jobs of pool, in order, and returns how many. *place is where
 * the rotation stands, and is moved on. */
size_t job_tx_turns(job_tx *tx, job_pool pool, size_t max, job_place *place, job_turn *found);

#endif
