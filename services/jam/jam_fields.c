#include "jam_fields.h"

#include <errno.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */
#define BOTH (JAM_WHEN_START | JAM_WHEN_UPDATE)

/* clang-format off */
static const jam_field_def fields[JAM_N_FIELDS] = {
    [JAM_FIELD_STYLES] = {"styles", JAM_KIND_NAMES, 0, JAM_STYLES_MAX, "", "", "\"warmup\"", BOTH,
        .control = true,
        .help = "Up to 16 styles in words, as a comma list or an array; an empty text is neutral."},
    [JAM_FIELD_STYLE_WEIGHTS] = {"style_weights", JAM_KIND_NUMBERS, 0, JAM_WEIGHT_MAX, "", "", "1.0", BOTH,
        .control = true,
        .help = "Weights of the styles by position, as a comma list or an array, divided by their sum; 0 drops a style."},
    [JAM_FIELD_STYLE_RAMP_SECONDS] = {"style_ramp_seconds", JAM_KIND_NUMBER, 0, 60, "s", "", "0.0", BOTH,
        .help = "How long a change of styles takes."},
    [JAM_FIELD_TEMPERATURE] = {"temperature", JAM_KIND_NUMBER, 0, 3, "", "", "1.1", BOTH,
        .ramps = true, .control = true, .help = "How freely choices are drawn; 0 takes the likeliest."},
    [JAM_FIELD_TOPK] = {"topk", JAM_KIND_INTEGER, 1, 1024, "", "", "40", BOTH,
        .control = true, .help = "Of how many candidates a choice is drawn."},
    [JAM_FIELD_GUIDANCE_WEIGHT] = {"guidance_weight", JAM_KIND_NUMBER, 0, 8, "", "", "1.1", BOTH,
        .ramps = true, .control = true, .help = "How closely the styles are followed."},
    [JAM_FIELD_MEAN] = {"mean", JAM_KIND_NUMBER, 0, 10, "", "", "0.0", BOTH,
        .ignored = true, .help = "Accepted without effect."},
    [JAM_FIELD_CENTROID_WEIGHTS] = {"centroid_weights", JAM_KIND_NUMBERS, 0, 10, "", "", "\"\"", BOTH,
        .ignored = true, .help = "Accepted without effect: a comma list or an array of up to 64 numbers."},
    [JAM_FIELD_PACE] = {"pace", JAM_KIND_CHOICE, 0, 0, "", "realtime,asap", "\"asap\"", BOTH,
        .help = "Whether chunks leave on the clock or as fast as the socket takes them."},
    [JAM_FIELD_MAX_DECODE_FRAMES] = {"max_decode_frames", JAM_KIND_INTEGER, 1, JAM_CHUNK_FRAMES_MAX, "frames", "", "50", BOTH,
        .help = "New audio of a chunk in frames of 40 ms."},
    [JAM_FIELD_CROSSFADE_SECONDS] = {"crossfade_seconds", JAM_KIND_NUMBER, 0, 0.1, "s", "", "0.04", JAM_WHEN_START,
        .help = "What a chunk shares with the one before it, in whole samples of 1/48000 s."},
    [JAM_FIELD_FORMAT] = {"format", JAM_KIND_CHOICE, 0, 0, "", "wav-f32,wav-s16,opus,flac", "\"wav-f32\"", JAM_WHEN_START,
        .help = "The kind of file that each chunk is."},
    [JAM_FIELD_BITRATE_KBPS] = {"bitrate_kbps", JAM_KIND_INTEGER, 32, 320, "kbit/s", "", "128", JAM_WHEN_START,
        .help = "Of opus alone."},
    [JAM_FIELD_BUFFER_CHUNKS] = {"buffer_chunks", JAM_KIND_INTEGER, 1, JAM_BUFFER_CHUNKS_MAX, "chunks", "", "2", BOTH,
        .help = "How many chunks the client holds before it plays."},
    [JAM_FIELD_CATCH_UP] = {"catch_up", JAM_KIND_CHOICE, 0, 0, "", "skip,burst,stretch", "\"burst\"", BOTH,
        .help = "What happens after a stall."},
    [JAM_FIELD_ENGINE] = {"engine", JAM_KIND_NAME, 1, 128, "", "", "\"band\"", JAM_WHEN_START,
        .help = "What makes the music: a name of GET /v1/jam/engines."},
    [JAM_FIELD_SEED] = {"seed", JAM_KIND_INTEGER, 0, JAM_SEED_MAX, "", "", "", JAM_WHEN_START | JAM_WHEN_RESET,
        .help = "Of everything that is drawn; random when absent, and always reported."},
    [JAM_FIELD_BPM] = {"bpm", JAM_KIND_AUTO_NUMBER, 60, 200, "1/min", "", "\"auto\"", BOTH,
        .ramps = true, .control = true, .help = "Tempo; \"auto\" is the style's own."},
    [JAM_FIELD_KEY] = {"key", JAM_KIND_CHOICE, 0, 0, "", "C,C#,Db,D,D#,Eb,E,F,F#,Gb,G,G#,Ab,A,A#,Bb,B,auto", "\"auto\"", BOTH,
        .control = true, .help = "The tonic."},
    [JAM_FIELD_SCALE] = {"scale", JAM_KIND_CHOICE, 0, 0, "", "auto,major,minor,dorian,phrygian,lydian,mixolydian,locrian", "\"auto\"", BOTH,
        .control = true, .help = "The scale; minor is natural minor."},
    [JAM_FIELD_DENSITY] = {"density", JAM_KIND_AUTO_NUMBER, 0, 1, "", "", "\"auto\"", BOTH,
        .ramps = true, .control = true, .help = "How many notes are played."},
    [JAM_FIELD_BRIGHTNESS] = {"brightness", JAM_KIND_AUTO_NUMBER, 0, 1, "", "", "\"auto\"", BOTH,
        .ramps = true, .control = true, .help = "How bright the sound is."},
    [JAM_FIELD_STEMS] = {"stems", JAM_KIND_STEMS, -60, 12, "dB", "drums,bass,chords,lead", "{}", BOTH,
        .ramps = true, .control = true, .help = "Gain, mute and solo of each stem; an absent one keeps its own."},
    [JAM_FIELD_SECTION] = {"section", JAM_KIND_CHOICE, 0, 0, "", "intro,verse,fill,break,drop,ending", "\"verse\"", BOTH,
        .control = true, .help = "Starts at the next bar line."},
    [JAM_FIELD_RAMP_MS] = {"ramp_ms", JAM_KIND_RAMP, 0, JAM_RAMP_MS_MAX, "ms", "", "0", BOTH,
        .help = "How long the changes of this message take, for all that can or field by field."},
    [JAM_FIELD_AT_SAMPLE] = {"at_sample", JAM_KIND_INTEGER, 0, EXACT_MAX, "samples", "", "", JAM_WHEN_UPDATE,
        .help = "When this message holds: at most 28800000 samples ahead."},
    [JAM_FIELD_AT_BAR] = {"at_bar", JAM_KIND_INTEGER, 1, 2147483647, "bars", "", "", JAM_WHEN_UPDATE,
        .help = "When this message holds: at most 1000 bars ahead."},
    [JAM_FIELD_RECORD] = {"record", JAM_KIND_RECORD, 1, 128, "", "", "false", BOTH,
        .help = "Asks for a take of the stream, with a name if it is an object."},
};
/* clang-format on */

const jam_field_def *jam_field_get(jam_field field)
{
    return &fields[field];
}

int jam_field_find(const char *name, jam_field *ret)
{
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            *ret = (jam_field)i;
            return 0;
        }
    }
    return -ENOENT;
}

/* The place of a text in a comma list, or -ENOENT. */
static int find_in_list(const char *list, const char *text)
{
    size_t len = strlen(text);
    for (int i = 0; len > 0; i++) {
        size_t n = strcspn(list, ",");
        if (n == len && memcmp(list, text, n) == 0) {
            return i;
        }
        if (list[n] == '\0') {
            break;
        }
        list += n + 1;
    }
    return -ENOENT;
}

int jam_field_choice(jam_field field, const char *text)
{
    return find_in_list(fields[field].choices, text);
}

const char *jam_field_choice_name(jam_field field, int choice, char ret[JAM_CHOICE_SIZE])
{
    const char *list = fields[field].choices;
    for (int i = 0; i < choice && *list != '\0'; i++) {
        list += strcspn(list, ",");
        list += *list == ',' ? 1 : 0;
    }
    size_t n = RF_MIN(strcspn(list, ","), (size_t)JAM_CHOICE_SIZE - 1);
    memcpy(ret, list, n);
    ret[n] = '\0';
    return ret;
}

int jam_key_of_choice(int choice)
{
    static const int8_t keys[] = {0, 1, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11};
    return choice >= 0 && (size_t)choice < RF_ARRAY_LEN(keys) ? keys[choice] : JAM_KEY_AUTO;
}

jam_field_set jam_fields_unsupported(const jam_engine *engine, jam_field_set set)
{
    jam_field_set missing = 0;
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        bool given = (set & JAM_FIELD_BIT(i)) != 0;
        if (given && fields[i].control && find_in_list(engine->controls, fields[i].name) < 0) {
            missing |= JAM_FIELD_BIT(i);
        }
    }
    return missing;
}

const char *jam_stem_name(jam_stem stem)
{
    static const char *const names[JAM_N_STEMS] = {"drums", "bass", "chords", "lead"};
    return names[stem];
}

const char *jam_format_name(jam_format format)
{
    static const char *const names[JAM_N_FORMATS] = {"wav-f32", "wav-s16", "opus", "flac"};
    return names[format];
}

const char *jam_pace_name(jam_pace pace)
{
    return pace == JAM_PACE_REALTIME ? "realtime" : "asap";
}
