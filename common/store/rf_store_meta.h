/*
 * rf_store_meta.h - how backends name the metadata of an object: ".<last>.<id>" beside it, where
 * last is the last segment of its key and id has 16 digits. No such name can be a key.
 */
#ifndef RF_STORE_META_H
#define RF_STORE_META_H

#include "rf_base.h"

#define RF_STORE_META_ID_DIGITS 16
#define RF_STORE_META_NAME 160 /* bytes: '.', segment, '.', 16 digits */

void rf_store_meta_name(const char *last, uint64_t id, char out[RF_STORE_META_NAME]);

/* rf_store_meta_parse splits such a name; false when it is none. */
bool rf_store_meta_parse(const char *name, char last[RF_STORE_META_NAME], uint64_t *ret_id);

#endif
