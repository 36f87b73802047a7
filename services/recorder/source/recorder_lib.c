#include "recorder_lib.h"

#include "rf_log.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

#define PLUGINS_MAX 32

static recorder_lib table;
static bool loaded;

typedef struct entry {
    const char *name;
    size_t at; /* in the table */
} entry;

#define ENTRY(name) {#name, offsetof(recorder_lib, name)},
static const entry portaudio[] = {RECORDER_LIB_PORTAUDIO(ENTRY)};
static const entry pulse[] = {RECORDER_LIB_PULSE(ENTRY)};
static const entry alsa[] = {RECORDER_LIB_ALSA(ENTRY)};

static bool load(const char *file, const entry *entries, size_t n)
{
    void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL); /* for as long as the process lives */
    for (size_t i = 0; lib != NULL && i < n; i++) {
        void *symbol = dlsym(lib, entries[i].name);
        if (symbol == NULL) {
            lib = NULL;
        } else { /* ISO C has no cast from object to function */
            memcpy((char *)&table + entries[i].at, &symbol, sizeof(symbol));
        }
    }
    if (lib == NULL) {
        RF_LOG_WARN("no devices: a sound library is missing", RF_STR("library", file));
    }
    return lib != NULL;
}

/* JACK writes to standard error wherever no server of it runs, which is nearly everywhere. */
static void on_jack_error(const char *text)
{
    RF_LOG_DEBUG("jack", RF_STR("text", text));
}

static void quieten_jack(void)
{
    void (*set)(void (*)(const char *));
    void *lib =
        dlopen("libjack.so.0", RTLD_NOW | RTLD_NOLOAD); /* where PortAudio is linked with it */
    void *symbol = lib != NULL ? dlsym(lib, "jack_set_error_function") : NULL;
    if (symbol != NULL) {
        memcpy(&set, &symbol, sizeof(set));
        set(on_jack_error);
    }
}

static void load_all(void)
{
    loaded = load("libasound.so.2", alsa, RF_ARRAY_LEN(alsa)) &&
             load("libpulse.so.0", pulse, RF_ARRAY_LEN(pulse)) &&
             load("libportaudio.so.2", portaudio, RF_ARRAY_LEN(portaudio));
    quieten_jack();
}

const recorder_lib *recorder_lib_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, load_all);
    return loaded ? &table : NULL;
}

/* ---- plug-ins ---- */

typedef struct plugins {
    char *paths[PLUGINS_MAX];
    size_t n;
} plugins;

static int note_plugin(struct dl_phdr_info *info, size_t size RF_UNUSED, void *user)
{
    plugins *p = user;
    if (p->n < PLUGINS_MAX && strstr(info->dlpi_name, "/libasound_module_") != NULL) {
        p->paths[p->n++] = rf_strdup(info->dlpi_name);
    }
    return 0;
}

void recorder_lib_keep(void)
{
    plugins p = {.n = 0};
    (void)dl_iterate_phdr(note_plugin, &p);
    for (size_t i = 0; i < p.n;
         i++) { /* not within the loop above, which holds the loader's lock */
        void *plugin = dlopen(p.paths[i], RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
        if (plugin != NULL) {
            (void)dlclose(plugin);
        }
        free(p.paths[i]);
    }
}
