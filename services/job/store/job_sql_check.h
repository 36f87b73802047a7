/*
 * job_sql_check.h - whether a setting sql.url can be used, told before anything depends on it.
 */
#ifndef JOB_SQL_CHECK_H
#define JOB_SQL_CHECK_H

#include "rf_base.h"

/* job_sql_check connects, and changes something that it undoes: whether the server lives, knows the
 * user and the database, and lets the user write (and make tables, where there are none yet). ""
 * (the data directory) is not looked at. Returns 0, or an error after logging it with the fields
 * "setting" and "why". */
int job_sql_check(const char *url) RF_MUST_USE;

#endif
