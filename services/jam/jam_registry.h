/*
 * jam_registry.h - the sessions of this process, by id, by token and by owner. Owner loop.
 */
#ifndef JAM_REGISTRY_H
#define JAM_REGISTRY_H

#include "rf_base.h"

#define JAM_SESSION_ID_LEN 26

typedef struct jam_registry jam_registry;
struct jam_session;

jam_registry *jam_registry_new(void);
jam_registry *jam_registry_free(jam_registry *r); /* must be empty */

void jam_registry_add(jam_registry *r, struct jam_session *session);
void jam_registry_remove(jam_registry *r, struct jam_session *session);

/* jam_registry_id makes a new id: the wall clock and 80 random bits in Crockford's base 32, so that
 * ids sort by age. */
void jam_registry_id(char ret[JAM_SESSION_ID_LEN + 1]);

/* Sessions that are over are not found. */
struct jam_session *jam_registry_find(jam_registry *r, const char *id);
struct jam_session *jam_registry_find_token(jam_registry *r, const char *token);

/* jam_registry_at walks all of them, over or not, in order of age; NULL behind the last. */
struct jam_session *jam_registry_at(jam_registry *r, size_t i);

/* jam_registry_oldest_parked: NULL when none is; *ret_n counts them. */
struct jam_session *jam_registry_oldest_parked(jam_registry *r, size_t *ret_n);

/* jam_registry_anonymous counts sessions without a key, of one address and of all. */
void jam_registry_anonymous(jam_registry *r, const char *address, size_t *ret_address,
                            size_t *ret_all);

#endif
