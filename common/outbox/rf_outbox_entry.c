#include "rf_outbox_internal.h"

#include <errno.h>
#include <string.h>

/* ---- entries ---- */

rf_outbox_entry *rf_outbox_find(rf_outbox *o, uint64_t number)
{
    rf_outbox_known *k = NULL;
    HASH_FIND(hh, o->by_number, &number, sizeof(number), k);
    return k == NULL ? NULL : &k->entry;
}

rf_outbox_entry *rf_outbox_remember(rf_outbox *o, uint64_t number, const rf_outbox_event *e)
{
    rf_outbox_known *k = RF_NEW(rf_outbox_known);
    k->entry = (rf_outbox_entry){.number = number, .route = e->route};
    k->entry.due_ms = e->due_ms;
    k->entry.at_ms = e->at_ms;
    k->entry.attempts = e->attempts;
    HASH_ADD(hh, o->by_number, entry.number, sizeof(k->entry.number), k);
    o->n_known++;
    return &k->entry;
}

void rf_outbox_move(rf_outbox *o, rf_outbox_entry *e, rf_outbox_file *file, uint64_t offset,
                    size_t len)
{
    if (e->file != NULL) {
        e->file->n_live--;
        o->live_bytes -= e->len;
    }
    if (file != NULL) {
        file->n_live++;
        o->live_bytes += len;
    }
    e->file = file;
    e->offset = offset;
    e->len = len;
}

void rf_outbox_forget(rf_outbox *o, rf_outbox_entry *e)
{
    rf_outbox_known *k = (rf_outbox_known *)e;
    rf_outbox_move(o, e, NULL, 0, 0);
    HASH_DEL(o->by_number, k); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    o->n_known--;
    free(k);
}

void rf_outbox_show(rf_outbox *o)
{
    if (o->gauge != NULL) {
        rf_metric_set(o->gauge, (double)o->n_known);
    }
}

/* ---- lanes ---- */

/* "host:port" of a URL, as far as fairness among hosts needs it; the guard judges URLs. */
static void host_lane(const char *url, rf_buf *out)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    size_t n = strcspn(host, "/?#");
    for (size_t i = 0; i < n; i++) {
        char c = host[i];
        rf_buf_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
}

static void lane_name(const rf_outbox_event *e, rf_buf *out)
{
    rf_buf_init(out, RF_OUTBOX_MAX_TARGET + RF_OUTBOX_MAX_KEY + 1);
    if (e->route == RF_OUTBOX_HOOK) {
        host_lane(e->target, out);
        return;
    }
    rf_buf_append_str(out, e->target);
    rf_buf_append_char(out, '\n');
    rf_buf_append(out, e->key, e->key_len);
}

void rf_outbox_enqueue(rf_outbox *o, rf_outbox_entry *e, const rf_outbox_event *event)
{
    rf_buf name;
    lane_name(event, &name);
    rf_outbox_lanes_add(o->lanes[e->route], name.data, name.len, e);
    rf_buf_done(&name);
}

/* Reads an event back from its place. */
int rf_outbox_read(const rf_outbox_file *file, uint64_t offset, size_t len, uint8_t *data,
                   rf_outbox_record *ret)
{
    int err = rf_outbox_log_read(file, offset, data, len);
    if (err < 0) {
        return err;
    }
    long n = rf_outbox_record_unpack(data, len, ret);
    return n == (long)len && ret->kind == RF_OUTBOX_ADD ? 0 : -EIO;
}
