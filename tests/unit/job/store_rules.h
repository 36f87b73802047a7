/*
 * store_rules.h - what holds in every database of the job service between two transactions,
 * whatever happened before; in SQL that every engine runs.
 */
#ifndef STORE_RULES_H
#define STORE_RULES_H

#include "rf_base.h"

typedef struct store_rule {
    const char *rule;
    const char *sql; /* counts what breaks it */
} store_rule;
extern const store_rule store_rules[];
extern const size_t store_n_rules;

#endif
