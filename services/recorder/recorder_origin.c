#include "recorder_origin.h"

#include <errno.h>

void recorder_origin_init(recorder_origin *o, recorder_tap *tap, rf_store *store,
                          rf_decoder *decoder)
{
    *o = (recorder_origin){.tap = tap,
                           .store = store,
                           .decoder = decoder,
                           .frame_bytes = rf_pcm_frame_bytes(&tap->pcm),
                           .fd = -1};
}

void recorder_origin_done(recorder_origin *o)
{
    rf_close(&o->fd);
    o->stored = recorder_stored_close(o->stored);
}

/* The shelf is there before a master goes. */
static int open_origin(recorder_origin *o)
{
    if (o->fd >= 0 || o->stored != NULL) {
        return 0;
    }
    o->fd = recorder_tap_open(o->tap);
    recorder_shelf *shelf = atomic_load(&o->tap->shelf);
    if (o->fd == -ENOENT && shelf != NULL) {
        o->stored = recorder_stored_open(shelf, o->store, o->decoder);
        return 0;
    }
    return RF_MIN(o->fd, 0);
}

int recorder_origin_read(void *user, int64_t first, int64_t n, void *out)
{
    recorder_origin *o = user;
    int err = open_origin(o);
    if (err < 0) {
        return err;
    }
    return o->stored != NULL ? recorder_stored_read(o->stored, first, n, out)
                             : recorder_reader_pread(o->fd, first * (int64_t)o->frame_bytes, out,
                                                     (size_t)n * o->frame_bytes, &o->work);
}

bool recorder_origin_exact(recorder_origin *o, int64_t first, int64_t n)
{
    return n == 0 || open_origin(o) < 0 || o->stored == NULL ||
           recorder_shelf_exact(atomic_load(&o->tap->shelf), first, n);
}
