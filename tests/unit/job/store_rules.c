#include "store_rules.h"

/* Each query counts what breaks the rule. States: 1 QUEUED, 2 STARTED, 3 SUCCEEDED, 4 FAILED. */
const store_rule store_rules[] = {
    {"a live job waits or runs, never both and never neither",
     "SELECT count(*) FROM jobs j WHERE state IN (1,2) AND"
     " (SELECT count(*) FROM ready r WHERE r.job=j.seq)"
     " + (SELECT count(*) FROM leases l WHERE l.job=j.seq) <> 1"},
    {"a final job neither waits nor runs",
     "SELECT count(*) FROM jobs j WHERE state IN (3,4) AND (EXISTS (SELECT 1 FROM ready r WHERE"
     " r.job=j.seq) OR EXISTS (SELECT 1 FROM leases l WHERE l.job=j.seq))"},
    {"a reference is found by the job's due time",
     "SELECT count(*) FROM ready r JOIN jobs j ON j.seq=r.job WHERE r.due_ms<>j.due_ms OR"
     " r.pool<>j.pool"},
    {"references and leases belong to jobs",
     "SELECT (SELECT count(*) FROM ready WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM leases WHERE job NOT IN (SELECT seq FROM jobs))"},
    {"an application knows how many of its jobs are queued",
     "SELECT count(*) FROM applications a WHERE"
     " queued+coalesce((SELECT sum(p.queued) FROM application_counts p WHERE p.app=a.seq), 0) <>"
     " (SELECT count(*) FROM jobs j WHERE j.app=a.seq AND j.state=1)"},
    {"how many events wait is known",
     "SELECT count(*) FROM (SELECT 1 AS one) once WHERE coalesce((SELECT sum(n) FROM packs), 0) <>"
     " coalesce((SELECT sum(queued) FROM application_counts WHERE app=0), 0)"},
    {"a job knows what it brings",
     "SELECT count(*) FROM jobs j WHERE"
     " ((brings&1)=0 AND EXISTS (SELECT 1 FROM inputs i WHERE i.job=j.seq)) OR"
     " ((brings&2)=0 AND EXISTS (SELECT 1 FROM targets t WHERE t.job=j.seq))"},
    {"a job has results when it succeeded and only then",
     "SELECT count(*) FROM jobs j WHERE (state=3) <>"
     " EXISTS (SELECT 1 FROM results r WHERE r.job=j.seq)"},
    {"a job that succeeded has one attempt that did",
     "SELECT count(*) FROM jobs j WHERE state=3 AND"
     " (SELECT count(*) FROM attempts a WHERE a.job=j.seq AND a.state=3) <> 1"},
    {"no attempt of a job that did not succeed did",
     "SELECT count(*) FROM jobs j WHERE state<>3 AND"
     " EXISTS (SELECT 1 FROM attempts a WHERE a.job=j.seq AND a.state=3)"},
    {"a job that failed says why, others do not",
     "SELECT count(*) FROM jobs WHERE (state=4) <> (code IS NOT NULL AND message IS NOT NULL)"},
    {"times are in order",
     "SELECT count(*) FROM jobs WHERE started_ms<created_ms OR completed_ms<created_ms OR"
     " (state=1 AND started_ms IS NOT NULL) OR (state IN (3,4)) <> (completed_ms IS NOT NULL)"},
    {"no attempt has a fence above its job's",
     "SELECT count(*) FROM attempts a JOIN jobs j ON j.seq=a.job WHERE a.fence>j.fence"},
    {"the running attempt has the job's fence",
     "SELECT count(*) FROM leases l JOIN jobs j ON j.seq=l.job WHERE l.fence<>j.fence"},
    {"dead letters failed", "SELECT count(*) FROM dead_letters d WHERE NOT EXISTS"
                            " (SELECT 1 FROM jobs j WHERE j.seq=d.job AND j.state=4)"},
    {"steps are kept for live jobs only",
     "SELECT count(*) FROM steps s WHERE NOT EXISTS"
     " (SELECT 1 FROM jobs j WHERE j.seq=s.job AND j.state IN (1,2))"},
    {"rows of deleted jobs are gone",
     "SELECT (SELECT count(*) FROM inputs WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM targets WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM results WHERE job NOT IN (SELECT seq FROM jobs)) +"
     " (SELECT count(*) FROM attempts WHERE job NOT IN (SELECT seq FROM jobs))"},
    {"a job's document is there",
     "SELECT count(*) FROM jobs WHERE version NOT IN (SELECT version FROM workflow_versions)"},
    {"an application has one key that was not revoked",
     "SELECT count(*) FROM (SELECT app FROM keys WHERE revoked_ms IS NULL GROUP BY app"
     " HAVING count(*)>1) twice"},
};
const size_t store_n_rules = RF_ARRAY_LEN(store_rules);
