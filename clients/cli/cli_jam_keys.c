#include "cli_jam_keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BPM_MIN 60
#define BPM_MAX 200
#define BPM_STEP 2
#define LEVEL_STEP 0.1
#define RAMP_MS 400
#define STYLE_RAMP_S 2.0

const char cli_jam_keys_help[] =
    "  + -          tempo up, down (2 bpm)      space        pause, go on\n"
    "  D d          density up, down            1 2 3 4      mute drums, bass, chords, lead\n"
    "  B b          brightness up, down         5 6 7 8      solo drums, bass, chords, lead\n"
    "  n p          next, previous style        i v f k o e  intro, verse, fill, break, drop,\n"
    "  c C          key a semitone up, down                  ending\n"
    "  m            major, minor                r            fresh ideas, same controls\n"
    "  ?            this table                  q, Ctrl-C    stop\n";

static const char *const stems[CLI_JAM_STEMS] = {"drums", "bass", "chords", "lead"};

static const char *const keys[12] = {"C",  "C#", "D",  "D#", "E",  "F",
                                     "F#", "G",  "G#", "A",  "A#", "B"};

static const struct {
    char key;
    const char *section;
} sections[] = {{'i', "intro"}, {'v', "verse"}, {'f', "fill"},
                {'k', "break"}, {'o', "drop"},  {'e', "ending"}};

const char *cli_jam_key_name(int key)
{
    return key >= 0 && key < 12 ? keys[key] : "auto";
}

int cli_jam_key_number(const char *name)
{
    static const char letters[] = "C D EF G A B";
    const char *at = name == NULL || name[0] == '\0' ? NULL : strchr(letters, name[0]);
    if (at == NULL || name[0] == ' ') {
        return -1;
    }
    int number = (int)(at - letters);
    number += strcmp(name + 1, "#") == 0 ? 1 : strcmp(name + 1, "b") == 0 ? 11 : 0;
    return number % 12;
}

static double number_or(const json_t *params, const char *name, double fallback)
{
    const json_t *value = json_object_get(params, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

void cli_jam_controls_init(cli_jam_controls *c, const json_t *params)
{
    const char *scale = json_string_value(json_object_get(params, "scale"));
    const char *section = json_string_value(json_object_get(params, "section"));
    *c = (cli_jam_controls){
        .bpm = number_or(params, "bpm", 0),
        .density = number_or(params, "density", -1),
        .brightness = number_or(params, "brightness", -1),
        .key = cli_jam_key_number(json_string_value(json_object_get(params, "key"))),
    };
    rf_copy_str(c->scale, sizeof(c->scale), scale != NULL ? scale : "auto");
    cli_jam_section_init(&c->section, section != NULL ? section : "verse");
}

void cli_jam_controls_done(cli_jam_controls *c)
{
    for (size_t i = 0; i < c->n_styles; i++) {
        free(c->styles[i]);
    }
    free(c->styles);
    *c = (cli_jam_controls){0};
}

void cli_jam_controls_style(cli_jam_controls *c, const char *name)
{
    c->styles = rf_grow(c->styles, c->n_styles + 1, sizeof(*c->styles));
    c->styles[c->n_styles++] = rf_strdup(name);
    c->style = c->n_styles;
}

void cli_jam_controls_applied(cli_jam_controls *c, const json_t *status, uint64_t bar)
{
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(status, "updated"), i, field)
    {
        const char *name = json_string_value(field);
        if (name != NULL && strcmp(name, "section") == 0 && c->ordered[0] != '\0') {
            cli_jam_section_order(&c->section, c->ordered, bar);
            c->ordered[0] = '\0';
        }
    }
    if (json_object_get(status, "reset") != NULL) {
        cli_jam_section_restart(&c->section);
    }
}

/* ---- what keys do ---- */

static json_t *step_bpm(cli_jam_controls *c, int direction, double bpm_now, char *said)
{
    double bpm = round(c->bpm > 0 ? c->bpm : bpm_now) + direction * BPM_STEP;
    c->bpm = RF_MIN(RF_MAX(bpm, (double)BPM_MIN), (double)BPM_MAX);
    snprintf(said, CLI_JAM_SAID, "tempo %.0f bpm", c->bpm);
    return json_pack("{s:f, s:i}", "bpm", c->bpm, "ramp_ms", RAMP_MS);
}

static json_t *step_level(double *level, const char *name, int direction, char *said)
{
    double from = *level < 0 ? 0.5 : *level;
    double to = round((from + direction * LEVEL_STEP) * 10) / 10;
    *level = RF_MIN(RF_MAX(to, 0.0), 1.0);
    snprintf(said, CLI_JAM_SAID, "%s %.1f", name, *level);
    return json_pack("{s:f, s:i}", name, *level, "ramp_ms", RAMP_MS);
}

static json_t *toggle(bool *flags, size_t stem, const char *name, char *said)
{
    flags[stem] = !flags[stem];
    snprintf(said, CLI_JAM_SAID, "%s %s %s", stems[stem], name, flags[stem] ? "on" : "off");
    return json_pack("{s:{s:{s:b}}}", "stems", stems[stem], name, (int)flags[stem]);
}

static json_t *step_style(cli_jam_controls *c, int direction, char *said)
{
    if (c->n_styles == 0) {
        return NULL;
    }
    size_t last = c->n_styles - 1;
    if (direction > 0) {
        c->style = c->style >= last ? 0 : c->style + 1;
    } else {
        c->style = c->style == 0 || c->style > last ? last : c->style - 1;
    }
    snprintf(said, CLI_JAM_SAID, "style %s", c->styles[c->style]);
    return json_pack("{s:[s], s:f}", "styles", c->styles[c->style], "style_ramp_seconds",
                     STYLE_RAMP_S);
}

static json_t *step_key(cli_jam_controls *c, int direction, char *said)
{
    c->key = c->key < 0 ? 0 : (c->key + direction + 12) % 12;
    snprintf(said, CLI_JAM_SAID, "key %s", cli_jam_key_name(c->key));
    return json_pack("{s:s}", "key", cli_jam_key_name(c->key));
}

static json_t *switch_scale(cli_jam_controls *c, char *said)
{
    bool is_major = strcmp(c->scale, "major") == 0;
    rf_copy_str(c->scale, sizeof(c->scale), is_major ? "minor" : "major");
    snprintf(said, CLI_JAM_SAID, "scale %s", c->scale);
    return json_pack("{s:s}", "scale", c->scale);
}

static json_t *order_section(cli_jam_controls *c, int key, char *said)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(sections); i++) {
        if (sections[i].key == key) {
            snprintf(said, CLI_JAM_SAID, "section %s", sections[i].section);
            rf_copy_str(c->ordered, sizeof(c->ordered), sections[i].section);
            return json_pack("{s:s}", "section", sections[i].section);
        }
    }
    return NULL;
}

static json_t *update(cli_jam_controls *c, int key, double bpm_now, char *said)
{
    switch (key) {
    case '+':
    case '=':
        return step_bpm(c, 1, bpm_now, said);
    case '-':
        return step_bpm(c, -1, bpm_now, said);
    case 'D':
    case 'd':
        return step_level(&c->density, "density", key == 'D' ? 1 : -1, said);
    case 'B':
    case 'b':
        return step_level(&c->brightness, "brightness", key == 'B' ? 1 : -1, said);
    case '1':
    case '2':
    case '3':
    case '4':
        return toggle(c->mute, (size_t)(key - '1'), "mute", said);
    case '5':
    case '6':
    case '7':
    case '8':
        return toggle(c->solo, (size_t)(key - '5'), "solo", said);
    case 'n':
    case 'p':
        return step_style(c, key == 'n' ? 1 : -1, said);
    case 'c':
    case 'C':
        return step_key(c, key == 'c' ? 1 : -1, said);
    case 'm':
        return switch_scale(c, said);
    default:
        return order_section(c, key, said);
    }
}

cli_jam_action cli_jam_key(cli_jam_controls *c, int key, double bpm_now, json_t **ret_fields,
                           char said[CLI_JAM_SAID])
{
    said[0] = '\0';
    switch (key) {
    case ' ':
        c->paused = !c->paused;
        rf_copy_str(said, CLI_JAM_SAID, c->paused ? "paused" : "going on");
        return c->paused ? CLI_JAM_PAUSE : CLI_JAM_GO_ON;
    case 'r':
        rf_copy_str(said, CLI_JAM_SAID, "fresh ideas");
        return CLI_JAM_FRESH;
    case 'q':
    case 3: /* Ctrl-C, Ctrl-D, as bytes */
    case 4:
        rf_copy_str(said, CLI_JAM_SAID, "stopping");
        return CLI_JAM_QUIT;
    case '?':
    case 'h':
        return CLI_JAM_HELP;
    default:
        *ret_fields = update(c, key, bpm_now, said);
        return *ret_fields != NULL ? CLI_JAM_UPDATE : CLI_JAM_NOTHING;
    }
}
