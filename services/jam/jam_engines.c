#include "jam_engines.h"

#include "band_engine.h"
#include "jam_schedule.h"
#include "rf_log.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WHY_SIZE 256
#define MEASURE_SETTLED 16 /* chunks after which the running mean has its full inertia */

typedef const jam_engine *(*plugin_fn)(void);

int jam_engine_check(const jam_engine *e, char *why, size_t why_size)
{
    if (e == NULL || e->abi_version != JAM_ENGINE_ABI) {
        snprintf(why, why_size, "it has ABI version %u, this host knows %d",
                 e == NULL ? 0u : e->abi_version, JAM_ENGINE_ABI);
    } else if (e->struct_size < sizeof(*e)) {
        snprintf(why, why_size, "its record has %u bytes, this host needs %zu", e->struct_size,
                 sizeof(*e));
    } else if (e->name == NULL || e->name[0] == '\0' || strlen(e->name) >= JAM_STYLE_NAME_SIZE ||
               strpbrk(e->name, "\"\\\n") != NULL) {
        snprintf(why, why_size, "its name is empty, longer than 128 bytes or not plain");
    } else if (e->open == NULL || e->set_controls == NULL || e->render_frames == NULL ||
               e->place == NULL || e->close == NULL || e->n_styles == NULL ||
               e->style_name == NULL || e->style_match == NULL) {
        snprintf(why, why_size, "it lacks a callback");
    } else if (e->version == NULL || e->kind == NULL || e->controls == NULL || e->stems == NULL ||
               e->control_grain_samples == 0 || e->max_sessions == 0) {
        snprintf(why, why_size, "its record is incomplete");
    } else {
        return 0;
    }
    return -EINVAL;
}

static int add(jam_engines *l, const jam_engine *engine, void *library, const char *from)
{
    char why[WHY_SIZE];
    int err = jam_engine_check(engine, why, sizeof(why));
    if (err == 0 && jam_engines_find(l, engine->name) != NULL) {
        rf_copy_str(why, sizeof(why), "another engine has its name");
        err = -EEXIST;
    }
    if (err == 0 && l->n == JAM_ENGINES_MAX) {
        rf_copy_str(why, sizeof(why), "there are 16 engines already");
        err = -ENOSPC;
    }
    if (err < 0) {
        RF_LOG_ERROR("engine is refused", RF_STR("from", from), RF_STR("why", why));
        return err;
    }
    l->entries[l->n] = (jam_engine_entry){
        .engine = engine, .number = l->n, .library = library, .ratio = engine->realtime_ratio};
    l->n++;
    RF_LOG_INFO("engine", RF_STR("name", engine->name), RF_STR("version", engine->version),
                RF_STR("kind", engine->kind));
    return 0;
}

static int add_plugin(jam_engines *l, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        RF_LOG_ERROR("engine is not loaded", RF_STR("from", path), RF_STR("why", dlerror()));
        return -ENOENT;
    }
    void *symbol = dlsym(library, JAM_ENGINE_PLUGIN);
    plugin_fn plugin;
    memcpy(&plugin, &symbol, sizeof(plugin)); /* ISO C has no cast for it */
    int err = -ENOEXEC;
    if (plugin == NULL) {
        RF_LOG_ERROR("engine is refused", RF_STR("from", path),
                     RF_STR("why", "it does not export " JAM_ENGINE_PLUGIN));
    } else {
        err = add(l, plugin(), library, path);
    }
    if (err < 0) {
        dlclose(library);
    }
    return err;
}

int jam_engines_add(jam_engines *l, const jam_engine *engine)
{
    return add(l, engine, NULL, "the program");
}

static int add_band(jam_engines *l, const char *soundfont, const char *cache_dir)
{
    int err = band_engine_new(soundfont, cache_dir, &l->band);
    if (err < 0) {
        RF_LOG_ERROR("engine band is not made", RF_STR("why", strerror(-err)));
        return err;
    }
    return jam_engines_add(l, l->band);
}

int jam_engines_new(const char *soundfont, const char *cache_dir, const rf_list *plugins,
                    jam_engines **ret)
{
    jam_engines *l = RF_NEW(jam_engines);
    int err = soundfont == NULL ? 0 : add_band(l, soundfont, cache_dir);
    for (size_t i = 0; i < plugins->n && err == 0; i++) {
        err = add_plugin(l, plugins->items[i]);
    }
    if (err < 0) {
        jam_engines_free(l);
        return err;
    }
    *ret = l;
    return 0;
}

jam_engines *jam_engines_free(jam_engines *l)
{
    if (l == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->entries[i].library != NULL) {
            dlclose(l->entries[i].library);
        }
    }
    band_engine_free(l->band);
    free(l);
    return NULL;
}

jam_engine_entry *jam_engines_find(jam_engines *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->entries[i].engine->name, name) == 0) {
            return &l->entries[i];
        }
    }
    return NULL;
}

void jam_engine_measure(jam_engine_entry *entry, int64_t cpu_ns, uint32_t n_frames)
{
    double ratio = (double)cpu_ns / ((double)n_frames * JAM_FRAME_NS);
    entry->n_measured = RF_MIN(entry->n_measured + 1, (uint32_t)MEASURE_SETTLED);
    if (entry->n_measured == 1) {
        entry->ratio = ratio;
    } else {
        entry->ratio += (ratio - entry->ratio) / entry->n_measured;
    }
}
