#include "cli_sheet.h"

#include <stdio.h>
#include <string.h>

#define BARS_PER_LINE 4
#define BAR_COLUMNS 18

static double number(const json_t *row, const char *name)
{
    return json_number_value(json_object_get(row, name));
}

/* The row whose [start, end) holds time, NULL past the end. */
static const json_t *row_at(const json_t *rows, double time)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        if (time >= number(row, "start") && time < number(row, "end")) {
            return row;
        }
    }
    return NULL;
}

#define CHORD_MAX 16

/* The chord at a time as musicians write it: "G", "Em", "D7". Labels such as "Gmaj" and "Emin" lose
 * their "maj" and "in"; "Gmaj7" stays. */
static const char *chord_at(const json_t *chords, double time, char text[CHORD_MAX])
{
    const json_t *row = row_at(chords, time);
    const char *simple = json_string_value(json_object_get(row, "chord_simple_pop"));
    const char *label = json_string_value(json_object_get(row, "label"));
    if (simple != NULL || label == NULL) {
        return simple != NULL ? simple : "N";
    }
    rf_copy_str(text, CHORD_MAX, label);
    size_t len = strlen(text);
    char *minor = strstr(text, "min");
    if (len > 3 && strcmp(text + len - 3, "maj") == 0) {
        text[len - 3] = '\0';
    } else if (minor != NULL) {
        memmove(minor + 1, minor + 3, strlen(minor + 3) + 1);
    }
    return text;
}

/* One bar: the chord at each beat, "." where it goes on. Returns the index of the next downbeat. */
static size_t write_bar(rf_buf *out, const json_t *chords, const json_t *beats, size_t i)
{
    char last[CHORD_MAX] = "";
    size_t n = json_array_size(beats);
    size_t start = out->len;
    rf_buf_append_str(out, "| ");
    for (size_t first = i; i < n; i++) {
        const json_t *beat = json_array_get(beats, i);
        if (i > first && json_integer_value(json_object_get(beat, "beatNum")) == 1) {
            break;
        }
        double next =
            i + 1 < n ? number(json_array_get(beats, i + 1), "time") : number(beat, "time") + 0.5;
        /* The middle of the beat: chord changes within a beat's first half belong to it. */
        char text[CHORD_MAX];
        const char *chord = chord_at(chords, (number(beat, "time") + next) / 2, text);
        rf_buf_printf(out, "%s ", strcmp(chord, last) == 0 ? "." : chord);
        rf_copy_str(last, sizeof(last), chord);
    }
    for (size_t used = out->len - start; used < BAR_COLUMNS; used++) {
        rf_buf_append_char(out, ' ');
    }
    return i;
}

static void write_section(rf_buf *out, const json_t *section)
{
    double start = number(section, "start");
    int minutes = (int)start / 60;
    rf_buf_printf(out, "\n%s  %d:%04.1f\n", json_string_value(json_object_get(section, "label")),
                  minutes, start - 60.0 * minutes);
}

static void write_bars(rf_buf *out, const json_t *chords, const json_t *beats,
                       const json_t *sections)
{
    const json_t *section = NULL;
    size_t in_line = 0;
    for (size_t i = 0; i < json_array_size(beats);) {
        const json_t *beat = json_array_get(beats, i);
        /* A section found a little late still owns the bar that it begins in. */
        const json_t *now = row_at(sections, number(beat, "time") + 0.35);
        if (now != NULL && now != section) {
            rf_buf_append_str(out, in_line > 0 ? "|\n" : "");
            write_section(out, now);
            section = now;
            in_line = 0;
        }
        i = write_bar(out, chords, beats, i);
        if (++in_line == BARS_PER_LINE) {
            rf_buf_append_str(out, "|\n");
            in_line = 0;
        }
    }
    rf_buf_append_str(out, in_line > 0 ? "|\n" : "");
}

void cli_sheet_write(rf_buf *out, const char *key, const char *bpm, const json_t *chords,
                     const json_t *beats, const json_t *sections, const json_t *loudness)
{
    const json_t *last = json_array_get(chords, json_array_size(chords) - 1);
    double length = number(last, "end");
    rf_buf_printf(out, "Key    %s\nTempo  %s bpm\nLength %d:%02d\n", key != NULL ? key : "unknown",
                  bpm != NULL ? bpm : "unknown", (int)length / 60, (int)length % 60);
    if (loudness != NULL) {
        rf_buf_printf(out, "Loud   %.1f LUFS, range %.1f LU, true peak %.1f dBTP\n",
                      number(loudness, "integratedLufs"), number(loudness, "rangeLu"),
                      number(loudness, "truePeakDbtp"));
    }
    write_bars(out, chords, beats, sections);
}
