#include "rf_outbox_lanes.h"

#include <string.h>
#include <uthash.h>

struct rf_outbox_lane {
    rf_outbox_entry **heap; /* waiting */
    size_t n;
    size_t cap;
    unsigned n_flying;
    size_t place; /* in the heap of lanes, NOWHERE when it cannot be taken from */
    UT_hash_handle hh;
    size_t name_len;
    uint8_t name[];
};

struct rf_outbox_lanes {
    bool by_number;
    unsigned per_lane;
    size_t n_entries;
    rf_outbox_lane *by_name;
    rf_outbox_lane **heap; /* lanes with something waiting and room in flight, by their first due */
    size_t n;
    size_t cap;
};

#define NOWHERE SIZE_MAX

/* ---- entries of a lane: a binary heap ---- */

static bool goes_first(const rf_outbox_lanes *q, const rf_outbox_entry *a, const rf_outbox_entry *b)
{
    if (!q->by_number && a->due_ms != b->due_ms) {
        return a->due_ms < b->due_ms;
    }
    return a->number < b->number;
}

static void entry_push(const rf_outbox_lanes *q, rf_outbox_lane *l, rf_outbox_entry *e)
{
    l->heap = rf_make_room(l->heap, l->n + 1, &l->cap, sizeof(rf_outbox_entry *));
    size_t i = l->n++;
    while (i > 0 && goes_first(q, e, l->heap[(i - 1) / 2])) {
        l->heap[i] = l->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    l->heap[i] = e;
}

static rf_outbox_entry *entry_pop(const rf_outbox_lanes *q, rf_outbox_lane *l)
{
    rf_outbox_entry *first = l->heap[0];
    rf_outbox_entry *last = l->heap[--l->n];
    size_t i = 0;
    for (size_t child = 1; child < l->n; child = 2 * i + 1) {
        if (child + 1 < l->n && goes_first(q, l->heap[child + 1], l->heap[child])) {
            child++;
        }
        if (!goes_first(q, l->heap[child], last)) {
            break;
        }
        l->heap[i] = l->heap[child];
        i = child;
    }
    l->heap[i] = last;
    return first;
}

/* ---- lanes of the route: another, in which each knows its place ---- */

static int64_t due_of(const rf_outbox_lane *l)
{
    return l->heap[0]->due_ms;
}

static void set_place(rf_outbox_lanes *q, size_t i, rf_outbox_lane *l)
{
    q->heap[i] = l;
    l->place = i;
}

static void sift_up(rf_outbox_lanes *q, size_t i, rf_outbox_lane *l)
{
    while (i > 0 && due_of(l) < due_of(q->heap[(i - 1) / 2])) {
        set_place(q, i, q->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set_place(q, i, l);
}

static void sift_down(rf_outbox_lanes *q, size_t i, rf_outbox_lane *l)
{
    for (size_t child = 2 * i + 1; child < q->n; child = 2 * i + 1) {
        if (child + 1 < q->n && due_of(q->heap[child + 1]) < due_of(q->heap[child])) {
            child++;
        }
        if (due_of(q->heap[child]) >= due_of(l)) {
            break;
        }
        set_place(q, i, q->heap[child]);
        i = child;
    }
    set_place(q, i, l);
}

static void lane_out(rf_outbox_lanes *q, rf_outbox_lane *l)
{
    size_t i = l->place;
    rf_outbox_lane *last = q->heap[--q->n];
    l->place = NOWHERE;
    if (last != l) {
        last->place = i;
        sift_up(q, i, last);
        sift_down(q, last->place, last);
    }
}

static void lane_in(rf_outbox_lanes *q, rf_outbox_lane *l)
{
    q->heap = rf_make_room(q->heap, q->n + 1, &q->cap, sizeof(rf_outbox_lane *));
    sift_up(q, q->n++, l);
}

/* Puts the lane where it belongs after any change; one that has nothing left goes. */
static void lane_changed(rf_outbox_lanes *q, rf_outbox_lane *l)
{
    if (l->place != NOWHERE) {
        lane_out(q, l);
    }
    if (l->n > 0 && l->n_flying < q->per_lane) {
        lane_in(q, l);
    }
    if (l->n == 0 && l->n_flying == 0) {
        HASH_DEL(q->by_name, l);
        free(l->heap);
        free(l);
    }
}

static rf_outbox_lane *lane_of(rf_outbox_lanes *q, const void *name, size_t name_len)
{
    rf_outbox_lane *l = NULL;
    HASH_FIND(hh, q->by_name, name, name_len, l);
    if (l == NULL) {
        l = rf_alloc(sizeof(*l) + name_len);
        l->place = NOWHERE;
        l->name_len = name_len;
        memcpy(l->name, name, name_len);
        HASH_ADD_KEYPTR(hh, q->by_name, l->name, l->name_len, l);
    }
    return l;
}

/* ---- interface ---- */

rf_outbox_lanes *rf_outbox_lanes_new(bool by_number, unsigned per_lane)
{
    rf_outbox_lanes *q = RF_NEW(rf_outbox_lanes);
    *q = (rf_outbox_lanes){.by_number = by_number, .per_lane = per_lane};
    return q;
}

rf_outbox_lanes *rf_outbox_lanes_free(rf_outbox_lanes *q)
{
    if (q == NULL) {
        return NULL;
    }
    rf_outbox_lane *l = NULL;
    rf_outbox_lane *next = NULL;
    HASH_ITER(hh, q->by_name, l, next)
    {
        HASH_DEL(q->by_name, l);
        free(l->heap);
        free(l);
    }
    free(q->heap);
    free(q);
    return NULL;
}

void rf_outbox_lanes_add(rf_outbox_lanes *q, const void *name, size_t name_len, rf_outbox_entry *e)
{
    e->lane = lane_of(q, name, name_len);
    entry_push(q, e->lane, e);
    q->n_entries++;
    lane_changed(q, e->lane);
}

rf_outbox_entry *rf_outbox_lanes_take(rf_outbox_lanes *q, int64_t now_ms, int64_t *ret_due_ms)
{
    *ret_due_ms = q->n == 0 ? INT64_MAX : due_of(q->heap[0]);
    if (*ret_due_ms > now_ms || q->n == 0) {
        return NULL;
    }
    rf_outbox_lane *l = q->heap[0];
    lane_out(q, l);
    rf_outbox_entry *e = entry_pop(q, l);
    l->n_flying++;
    lane_changed(q, l);
    return e;
}

void rf_outbox_lanes_settle(rf_outbox_lanes *q, rf_outbox_entry *e, bool again)
{
    rf_outbox_lane *l = e->lane;
    l->n_flying--;
    if (again) {
        entry_push(q, l, e);
    } else {
        e->lane = NULL;
        q->n_entries--;
    }
    lane_changed(q, l);
}

size_t rf_outbox_lanes_count(const rf_outbox_lanes *q)
{
    return q->n_entries;
}
