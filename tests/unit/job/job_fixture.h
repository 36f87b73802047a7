/*
 * job_fixture.h - a store of one test: directory, database, application, and the operations as
 * plain calls. Everything ends the test when it fails in a way that the test does not look at.
 */
#ifndef JOB_FIXTURE_H
#define JOB_FIXTURE_H

#include "job_metrics.h"
#include "job_store.h"

#define FIXTURE_LEASE_MS 30000
#define FIXTURE_HOUR_MS 3600000LL
#define FIXTURE_DAY_MS (24 * FIXTURE_HOUR_MS)

/* The backend under test; each has a file backend_<name>.c that every program of the suite is
 * linked with once. */
struct fixture;
typedef struct fixture_backend {
    const char *name;
    size_t n_writers;
    /* A database of the test's own, and its end. The string is the caller's. */
    char *(*make_url)(const struct fixture *f);
    void (*remove_url)(const char *url);
} fixture_backend;
extern const fixture_backend fixture_store;

typedef struct fixture {
    char dir[64];
    char *path; /* of the database, when it is a file */
    char *url;
    job_store *store;
    job_store_options options;
    char app[RF_UUID_LEN];
    char key_id[RF_UUID_LEN];
    int64_t version; /* of a workflow that jobs may name */
    /* What the hooks saw last. */
    job_state seen;
    char seen_id[RF_UUID_LEN];
    unsigned n_seen;
    unsigned n_outbox;
    job_metrics *metrics; /* NULL unless a test counts facts; the test's */
} fixture;

/* fixture_open makes all of it; fixture_reopen closes and opens the same database again. */
void fixture_open(fixture *f);
void fixture_reopen(fixture *f);
void fixture_close(fixture *f);

/* fixture_try_open opens the database again, for tests that expect it to fail; f->store stays NULL
 * then. */
int fixture_try_open(fixture *f);

/* fixture_application makes one more application and writes its id. */
void fixture_application(fixture *f, const char *name, char app[RF_UUID_LEN]);

/* fixture_run submits op, waits and returns its err; op stays the caller's. */
int fixture_run(fixture *f, job_op *op);

/* fixture_request is a job of the fixture's application that the caller may change before
 * fixture_run; fixture_create makes one and writes its id. */
job_op_create *fixture_request(fixture *f);
void fixture_create(fixture *f, char id[RF_UUID_LEN]);

/* fixture_claim claims at most max jobs as worker; the caller frees the operation. */
job_op_claim *fixture_claim(fixture *f, const char *worker, uint32_t max);

/* fixture_claim_one claims the one job that must be waiting; returns its fence. */
uint64_t fixture_claim_one(fixture *f, const char *worker, char id[RF_UUID_LEN]);

/* Ends of an attempt; return whether the store accepted. */
bool fixture_succeed(fixture *f, const char *id, uint64_t fence);
bool fixture_fail(fixture *f, const char *id, uint64_t fence, const char *code,
                  const char *message);
bool fixture_crash(fixture *f, const char *id, uint64_t fence);
bool fixture_release(fixture *f, const char *id, uint64_t fence);
bool fixture_publish(fixture *f, const char *id, uint64_t fence, const job_result *results,
                     size_t n);

/* fixture_beat renews one lease; returns whether it was lost. */
bool fixture_beat(fixture *f, const char *id, uint64_t fence, const char *step, uint32_t percent);

/* fixture_scan runs a scan and returns how many attempts it ended; *ret_expired may be NULL. */
size_t fixture_scan(fixture *f, size_t *ret_expired);

/* fixture_get reads a job; NULL when there is none. The caller frees the operation. */
job_op_get *fixture_get(fixture *f, const char *id);
job_state fixture_state(fixture *f, const char *id);

/* fixture_count counts the jobs of the fixture's application in the states (bits, 0: all), at most
 * JOB_LIST_MAX. */
size_t fixture_count(fixture *f, uint32_t states);

int fixture_delete(fixture *f, const char *id, bool uploads);
int fixture_cancel(fixture *f, const char *id, job_state *ret);

/* Uploads: make one; complete it with an object key of its own (written to key). */
void fixture_upload(fixture *f, char id[RF_UUID_LEN]);
int fixture_complete(fixture *f, const char *id, char key[128]);
bool fixture_key_used(fixture *f, const char *key);

/* fixture_advance moves the driven clock. */
void fixture_advance(int64_t ms);

#endif
