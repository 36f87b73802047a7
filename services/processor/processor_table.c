/* The catalogue of modules; modules.json says the same to the rest of the world. */
#include "processor_modules.h"

#include <errno.h>
#include <string.h>

#define IN(name_, type_)                                                                           \
    {                                                                                              \
        .name = (name_), .type = (type_), .required = true                                         \
    }
#define OPTIONAL(name_, type_)                                                                     \
    {                                                                                              \
        .name = (name_), .type = (type_)                                                           \
    }
#define OUT(name_, type_)                                                                          \
    {                                                                                              \
        .name = (name_), .type = (type_)                                                           \
    }

#define AUDIO IN("audio", PROCESSOR_AUDIO)
#define FEATURES OPTIONAL("features", PROCESSOR_FEATURES)
#define BEATS OPTIONAL("beats", PROCESSOR_JSON)
#define META OUT("meta", PROCESSOR_JSON)

#define MODULE(id, isolation_, version_, run_)                                                     \
    static const processor_module id##_module = {                                                  \
        .abi = PROCESSOR_MODULE_ABI,                                                               \
        .name = #id,                                                                               \
        .version = (version_),                                                                     \
        .isolation = (isolation_),                                                                 \
        .in = id##_in,                                                                             \
        .n_in = RF_ARRAY_LEN(id##_in),                                                             \
        .out = id##_out,                                                                           \
        .n_out = RF_ARRAY_LEN(id##_out),                                                           \
        .run = (run_),                                                                             \
    }

static const processor_port decode_in[] = {IN("url", PROCESSOR_URL)};
static const processor_port decode_out[] = {OUT("audio", PROCESSOR_AUDIO)};
MODULE(decode, PROCESSOR_CHILD, PROCESSOR_DECODE_VERSION, NULL);

static const processor_port convert_in[] = {
    AUDIO,
    IN("format", PROCESSOR_STRING),
    OPTIONAL("sampleRate", PROCESSOR_INTEGER),
    OPTIONAL("channels", PROCESSOR_INTEGER),
    OPTIONAL("bitrate", PROCESSOR_INTEGER),
};
static const processor_port convert_out[] = {OUT("file", PROCESSOR_FILE)};
MODULE(convert, PROCESSOR_CHILD, PROCESSOR_CONVERT_VERSION, processor_convert_run);

static const processor_port copy_in[] = {IN("url", PROCESSOR_URL)};
static const processor_port copy_out[] = {OUT("file", PROCESSOR_FILE)};
MODULE(copy, PROCESSOR_INLINE, PROCESSOR_COPY_VERSION, processor_copy_run);

static const processor_port noop_in[] = {OPTIONAL("text", PROCESSOR_STRING)};
static const processor_port noop_out[] = {OUT("text", PROCESSOR_STRING)};
MODULE(noop, PROCESSOR_INLINE, PROCESSOR_NOOP_VERSION, processor_noop_run);

static const processor_port loudness_in[] = {AUDIO};
static const processor_port loudness_out[] = {OUT("loudness", PROCESSOR_JSON), META};
MODULE(loudness, PROCESSOR_CHILD, PROCESSOR_LOUDNESS_VERSION, processor_loudness_run);

static const processor_port features_in[] = {AUDIO};
static const processor_port features_out[] = {OUT("features", PROCESSOR_FEATURES)};
MODULE(features, PROCESSOR_CHILD, PROCESSOR_ANALYSIS_VERSION, processor_features_run);

static const processor_port beats_in[] = {AUDIO, FEATURES};
static const processor_port beats_out[] = {OUT("map", PROCESSOR_JSON), OUT("bpm", PROCESSOR_STRING),
                                           META};
MODULE(beats, PROCESSOR_CHILD, PROCESSOR_ANALYSIS_VERSION, processor_beats_run);

static const processor_port chords_in[] = {AUDIO, FEATURES, BEATS};
static const processor_port chords_out[] = {OUT("chords", PROCESSOR_JSON),
                                            OUT("map", PROCESSOR_JSON), META};
MODULE(chords, PROCESSOR_CHILD, PROCESSOR_ANALYSIS_VERSION, processor_chords_run);

static const processor_port key_in[] = {AUDIO, FEATURES};
static const processor_port key_out[] = {OUT("key", PROCESSOR_STRING),
                                         OUT("scores", PROCESSOR_JSON), META};
MODULE(key, PROCESSOR_CHILD, PROCESSOR_ANALYSIS_VERSION, processor_key_run);

static const processor_port sections_in[] = {AUDIO, FEATURES, BEATS};
static const processor_port sections_out[] = {OUT("map", PROCESSOR_JSON), META};
MODULE(sections, PROCESSOR_CHILD, PROCESSOR_ANALYSIS_VERSION, processor_sections_run);

static const processor_port stems_in[] = {AUDIO};
static const processor_port stems_out[] = {OUT("vocals", PROCESSOR_WAV),
                                           OUT("accompaniments", PROCESSOR_WAV), META};
MODULE(stems, PROCESSOR_CHILD, PROCESSOR_SPLIT_VERSION, processor_stems_run);

static const processor_port drums_in[] = {AUDIO};
static const processor_port drums_out[] = {OUT("kick", PROCESSOR_WAV), OUT("snare", PROCESSOR_WAV),
                                           OUT("other", PROCESSOR_WAV), META};
MODULE(drums, PROCESSOR_CHILD, PROCESSOR_SPLIT_VERSION, processor_drums_run);

static const processor_port jam_in[] = {
    IN("styles", PROCESSOR_STRING),        OPTIONAL("styleWeights", PROCESSOR_STRING),
    OPTIONAL("seconds", PROCESSOR_NUMBER), OPTIONAL("bpm", PROCESSOR_NUMBER),
    OPTIONAL("seed", PROCESSOR_INTEGER),
};
static const processor_port jam_out[] = {OUT("audio", PROCESSOR_WAV)};
MODULE(jam, PROCESSOR_REMOTE, PROCESSOR_JAM_VERSION, NULL);

static const processor_module *const table[] = {
    &decode_module,   &convert_module, &copy_module,   &noop_module, &loudness_module,
    &features_module, &beats_module,   &chords_module, &key_module,  &sections_module,
    &stems_module,    &drums_module,   &jam_module,
};

const processor_module *const *processor_module_table(size_t *ret_n)
{
    *ret_n = RF_ARRAY_LEN(table);
    return table;
}

const processor_module *processor_module_find(const char *name)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (strcmp(table[i]->name, name) == 0) {
            return table[i];
        }
    }
    return NULL;
}

int processor_port_find(const processor_port *ports, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}
