#include "rf_store_meta.h"

#include "rf_id.h"
#include "rf_store.h"

#include <stdio.h>
#include <string.h>

#define ID_DIGITS RF_STORE_META_ID_DIGITS

void rf_store_meta_name(const char *last, uint64_t id, char out[RF_STORE_META_NAME])
{
    snprintf(out, RF_STORE_META_NAME, ".%s.%016llx", last, (unsigned long long)id);
}

bool rf_store_meta_parse(const char *name, char last[RF_STORE_META_NAME], uint64_t *ret_id)
{
    size_t len = strlen(name);
    uint8_t id[ID_DIGITS / 2];
    if (len < ID_DIGITS + 3 || len >= RF_STORE_META_NAME || name[0] != '.' ||
        name[len - ID_DIGITS - 1] != '.' || rf_unhex(name + len - ID_DIGITS, id, sizeof(id)) < 0) {
        return false;
    }
    memcpy(last, name + 1, len - ID_DIGITS - 2);
    last[len - ID_DIGITS - 2] = '\0';
    *ret_id = 0;
    for (size_t i = 0; i < sizeof(id); i++) {
        *ret_id = *ret_id << 8 | id[i];
    }
    return rf_store_key_valid(last);
}
