#include "jam_registry.h"

#include "jam_session.h"
#include "rf_id.h"
#include "rf_time.h"

#include <string.h>

#define RANDOM_DIGITS 16 /* of 5 bits */
#define TIME_DIGITS (JAM_SESSION_ID_LEN - RANDOM_DIGITS)

struct jam_registry {
    jam_session **items; /* in order of age */
    size_t n, cap;
};

jam_registry *jam_registry_new(void)
{
    return RF_NEW(jam_registry);
}

jam_registry *jam_registry_free(jam_registry *r)
{
    if (r != NULL) {
        free(r->items);
        free(r);
    }
    return NULL;
}

void jam_registry_add(jam_registry *r, jam_session *session)
{
    r->items = rf_make_room(r->items, r->n + 1, &r->cap, sizeof(*r->items));
    r->items[r->n++] = session;
}

void jam_registry_remove(jam_registry *r, jam_session *session)
{
    size_t i = 0;
    while (i < r->n && r->items[i] != session) {
        i++;
    }
    if (i < r->n) {
        r->n--;
        memmove(&r->items[i], &r->items[i + 1], (r->n - i) * sizeof(*r->items));
    }
}

void jam_registry_id(char ret[JAM_SESSION_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t bits[RANDOM_DIGITS];
    uint64_t ms = (uint64_t)rf_time_wall_ms();
    rf_random(bits, sizeof(bits));
    for (size_t i = TIME_DIGITS; i > 0; i--, ms >>= 5) {
        ret[i - 1] = digits[ms & 31];
    }
    for (size_t i = 0; i < RANDOM_DIGITS; i++) {
        ret[TIME_DIGITS + i] = digits[bits[i] & 31];
    }
    ret[JAM_SESSION_ID_LEN] = '\0';
}

jam_session *jam_registry_find(jam_registry *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!jam_session_is_over(r->items[i]) && strcmp(jam_session_id(r->items[i]), id) == 0) {
            return r->items[i];
        }
    }
    return NULL;
}

jam_session *jam_registry_find_token(jam_registry *r, const char *token)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!jam_session_is_over(r->items[i]) && jam_session_has_token(r->items[i], token)) {
            return r->items[i];
        }
    }
    return NULL;
}

jam_session *jam_registry_at(jam_registry *r, size_t i)
{
    return i < r->n ? r->items[i] : NULL;
}

jam_session *jam_registry_oldest_parked(jam_registry *r, size_t *ret_n)
{
    jam_session *oldest = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < r->n; i++) {
        int64_t since_ns = jam_session_parked_since(r->items[i]);
        if (since_ns == RF_NEVER_NS) {
            continue;
        }
        ++*ret_n;
        if (oldest == NULL || since_ns < jam_session_parked_since(oldest)) {
            oldest = r->items[i];
        }
    }
    return oldest;
}

void jam_registry_anonymous(jam_registry *r, const char *address, size_t *ret_address,
                            size_t *ret_all)
{
    *ret_address = 0;
    *ret_all = 0;
    for (size_t i = 0; i < r->n; i++) {
        const jam_session *s = r->items[i];
        if (!jam_session_is_over(s) && jam_session_tenant(s)[0] == '\0') {
            ++*ret_all;
            *ret_address += strcmp(jam_session_address(s), address) == 0;
        }
    }
}
