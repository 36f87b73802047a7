/* What steers the music of a maker. */
#include "jam_maker_internal.h"

#include "rf_log.h"

#include <string.h>

void jam_maker_keep_changes(jam_maker *m, const jam_change *change)
{
    bool asks = (change->set & JAM_FIELD_BIT(JAM_FIELD_RECORD)) != 0 && change->record;
    if (asks && m->changes == NULL) {
        m->changes = RF_NEW_ARRAY(jam_change, JAM_MAKER_HEARD_MAX);
    }
}

void jam_maker_applied(void *user, const jam_applied *a)
{
    jam_maker *m = user;
    jam_settings_apply(&m->settings, a->change);
    if (m->n_heard == JAM_MAKER_HEARD_MAX) {
        RF_LOG_ERROR("a change is not told", RF_INT("rev", a->rev));
        return;
    }
    size_t place = (m->first_heard + m->n_heard++) % JAM_MAKER_HEARD_MAX;
    jam_heard *h = &m->heard[place];
    *h = (jam_heard){.origin = a->origin,
                     .rev = a->rev,
                     .sample = a->applied_at_sample + jam_stream_shift(m->stream),
                     .was_scheduled = a->was_scheduled,
                     .set = a->change->set};
    rf_copy_str(h->id, sizeof(h->id), a->id);
    if (m->changes != NULL) {
        m->changes[place] = *a->change;
    }
}

int jam_maker_add(jam_maker *m, const jam_change *change, const char *id, uint64_t origin,
                  jam_when *ret_when, jam_error *error)
{
    pthread_mutex_lock(&m->lock);
    jam_maker_keep_changes(m, change);
    jam_change shifted;
    const jam_change *add = change;
    int64_t shift = jam_stream_shift(m->stream);
    if (shift != 0 && (change->set & JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE)) != 0) {
        shifted = *change;
        shifted.at_sample -= shift;
        add = &shifted;
    }
    int err = jam_timeline_add(jam_stream_timeline(m->stream), add, id, origin, ret_when, error);
    if (err == 0) {
        ret_when->at_sample += shift;
    } else if (error->has_limit && strcmp(error->field, "at_sample") == 0) {
        error->min += (double)shift;
        error->max += (double)shift;
    }
    pthread_mutex_unlock(&m->lock);
    return err;
}

bool jam_maker_heard(jam_maker *m, jam_heard *ret, jam_change *ret_change)
{
    pthread_mutex_lock(&m->lock);
    bool has_one = m->n_heard > 0;
    ret_change->set = 0;
    if (has_one) {
        if (m->changes != NULL) {
            *ret_change = m->changes[m->first_heard];
        }
        *ret = m->heard[m->first_heard];
        m->first_heard = (m->first_heard + 1) % JAM_MAKER_HEARD_MAX;
        m->n_heard--;
    }
    pthread_mutex_unlock(&m->lock);
    return has_one;
}

void jam_maker_present(jam_maker *m, jam_present *ret)
{
    pthread_mutex_lock(&m->lock);
    const jam_timeline *t = jam_stream_timeline(m->stream);
    jam_timeline_controls(t, &ret->controls);
    ret->settings = m->settings;
    ret->rev = jam_timeline_rev(t);
    ret->n_styles = jam_timeline_n_styles(t);
    pthread_mutex_unlock(&m->lock);
}

uint32_t jam_maker_rev(jam_maker *m)
{
    pthread_mutex_lock(&m->lock);
    uint32_t rev = jam_timeline_rev(jam_stream_timeline(m->stream));
    pthread_mutex_unlock(&m->lock);
    return rev;
}

void jam_maker_settings(jam_maker *m, jam_settings *ret, size_t *ret_n_styles)
{
    pthread_mutex_lock(&m->lock);
    *ret = m->settings;
    *ret_n_styles = jam_timeline_n_styles(jam_stream_timeline(m->stream));
    pthread_mutex_unlock(&m->lock);
}
