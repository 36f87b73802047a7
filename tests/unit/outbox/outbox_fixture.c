#include "outbox_fixture.h"

#include "rf_time.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

char outbox_dir[256];
rf_outbox_config outbox_config;
rf_outbox *outbox;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void outbox_setup(void)
{
    const char *temp = getenv("TMPDIR");
    snprintf(outbox_dir, sizeof(outbox_dir), "%s/rf-outbox-XXXXXX", temp == NULL ? "/tmp" : temp);
    cr_assert_not_null(mkdtemp(outbox_dir));
    outbox_config = (rf_outbox_config){.dir = outbox_dir};
    outbox_reopen();
}

void outbox_teardown(void)
{
    outbox = rf_outbox_close(outbox);
    nftw(outbox_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void outbox_reopen(void)
{
    outbox = rf_outbox_close(outbox);
    cr_assert_eq(rf_outbox_open(&outbox_config, &outbox), 0);
}

rf_outbox_event outbox_bus_event(const char *id, const char *key, const char *body)
{
    return (rf_outbox_event){
        .route = RF_OUTBOX_BUS,
        .id = id,
        .target = "reflection.recordings",
        .key = key,
        .key_len = strlen(key),
        .body = body,
        .body_len = strlen(body),
    };
}

rf_outbox_event outbox_hook_event(const char *id, const char *url, const char *body)
{
    return (rf_outbox_event){
        .route = RF_OUTBOX_HOOK,
        .id = id,
        .target = url,
        .owner = "tenant",
        .body = body,
        .body_len = strlen(body),
    };
}

void outbox_put(const rf_outbox_event *event)
{
    cr_assert_eq(rf_outbox_append(outbox, event, 1, NULL, NULL), 0);
    cr_assert_eq(rf_outbox_flush(outbox, RF_NEVER_NS), 0);
}

rf_outbox_item *outbox_expect(rf_outbox_route route, int64_t now_ms, const char *id)
{
    rf_outbox_item *item = NULL;
    int64_t due_ms = 0;
    int err = rf_outbox_take(outbox, route, now_ms, &item, &due_ms);
    cr_assert_eq(err, id == NULL ? -EAGAIN : 0, "%s: %s", id == NULL ? "none" : id, strerror(-err));
    if (id != NULL) {
        cr_assert_str_eq(item->event.id, id);
    }
    return item;
}

size_t outbox_n_events(rf_outbox_route route)
{
    rf_outbox_stats stats;
    rf_outbox_get_stats(outbox, &stats);
    return stats.n_events[route];
}
