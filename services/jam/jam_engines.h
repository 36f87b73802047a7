/*
 * jam_engines.h - the engines that this process has: built in, and plug-ins.
 *
 * A plug-in is a shared object that exports
 *
 *     const jam_engine *jam_engine_plugin(void);
 *
 * and returns a record that lives as long as the object. One of another ABI version, too small a
 * record, or a bad or taken name is refused with a log line that says so.
 *
 * The list is constant once made; load figures are the owner loop's.
 */
#ifndef JAM_ENGINES_H
#define JAM_ENGINES_H

#include "jam_engine.h"
#include "rf_config.h"

#define JAM_ENGINES_MAX 16
#define JAM_ENGINE_PLUGIN "jam_engine_plugin"

typedef struct jam_engine_entry {
    const jam_engine *engine;
    size_t number; /* its place in the list, for metrics */
    void *library; /* of a plug-in */
    size_t n_used; /* places taken by sessions */
    double ratio;  /* processor time / audio time, measured; the engine's own word before that */
    uint32_t n_measured;
} jam_engine_entry;

typedef struct jam_engines {
    jam_engine_entry entries[JAM_ENGINES_MAX];
    size_t n;
    jam_engine *band; /* owned; NULL: not built in */
} jam_engines;

/* jam_engines_new makes the list: band (not with a soundfont of NULL; see band_engine_new for
 * cache_dir), then the plug-ins. Returns 0, or a negative errno after a log line. */
int jam_engines_new(const char *soundfont, const char *cache_dir, const rf_list *plugins,
                    jam_engines **ret);

/* jam_engines_add adds one of the program's own; it lives longer than the list. Returns 0, or a
 * negative errno after a log line. */
int jam_engines_add(jam_engines *engines, const jam_engine *engine);

/* jam_engines_free: after the last instance is closed. Returns NULL. */
jam_engines *jam_engines_free(jam_engines *engines);

/* jam_engines_find gives the engine of a name, NULL when there is none. */
jam_engine_entry *jam_engines_find(jam_engines *engines, const char *name);

/* jam_engine_measure takes the cost of a chunk into account. */
void jam_engine_measure(jam_engine_entry *entry, int64_t cpu_ns, uint32_t n_frames);

/* jam_engine_check says whether a record can be used: 0, or -EINVAL and why. */
int jam_engine_check(const jam_engine *engine, char *why, size_t why_size);

#endif
