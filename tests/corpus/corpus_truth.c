#include "corpus_truth.h"

#include "rf_file.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_FILE_BYTES (16u << 20)

/* ---- from a piece ---- */

static void add_span(corpus_span **spans, size_t *n, double start_s, double end_s,
                     const char *label)
{
    if (end_s - start_s < 1e-6) {
        return;
    }
    *spans = rf_grow(*spans, *n + 1, sizeof(**spans));
    corpus_span *span = &(*spans)[(*n)++];
    span->start_s = start_s;
    span->end_s = end_s;
    (void)rf_copy_str(span->label, sizeof(span->label), label);
}

static double music_end(const corpus_piece *piece)
{
    return corpus_beat_time(piece, piece->n_beats + 1);
}

static void annotate_chords(const corpus_piece *piece, corpus_truth *truth)
{
    double end_s = piece->beats_s[0];
    add_span(&truth->chords, &truth->n_chords, 0, end_s, "N");
    for (size_t i = 0; i < piece->n_chords; i++) {
        const corpus_chord *chord = &piece->chords[i];
        char label[CORPUS_LABEL_SIZE];
        corpus_harmony_label(&chord->harmony, label);
        double start_s = end_s;
        end_s =
            i + 1 < piece->n_chords ? corpus_beat_time(piece, chord->end_beat) : music_end(piece);
        add_span(&truth->chords, &truth->n_chords, start_s, end_s, label);
    }
    add_span(&truth->chords, &truth->n_chords, end_s, piece->duration_s, "N");
}

static void annotate_sections(const corpus_piece *piece, corpus_truth *truth)
{
    double end_s = piece->beats_s[0];
    add_span(&truth->sections, &truth->n_sections, 0, end_s, "silence");
    for (int i = 0; i < piece->n_sections; i++) {
        const corpus_section *section = &piece->sections[i];
        const char label[2] = {section->letter, '\0'};
        int last_beat = (section->first_bar + section->n_bars) * piece->style->meter;
        double start_s = end_s;
        end_s = i + 1 < piece->n_sections ? corpus_beat_time(piece, last_beat) : music_end(piece);
        add_span(&truth->sections, &truth->n_sections, start_s, end_s, label);
    }
    add_span(&truth->sections, &truth->n_sections, end_s, piece->duration_s, "silence");
}

static void annotate_beats(const corpus_piece *piece, corpus_truth *truth)
{
    truth->n_beats = (size_t)piece->n_beats + 1;
    truth->beats_s = RF_NEW_ARRAY(double, truth->n_beats);
    truth->beat_numbers = RF_NEW_ARRAY(int, truth->n_beats);
    for (size_t i = 0; i < truth->n_beats; i++) {
        truth->beats_s[i] = piece->beats_s[i];
        truth->beat_numbers[i] = (int)(i % (size_t)piece->style->meter) + 1;
    }
}

static void annotate_drum(const corpus_piece *piece, corpus_stem stem, double **times, size_t *n)
{
    for (int i = 0; i < piece->n_tracks; i++) {
        const corpus_track *track = &piece->tracks[i];
        if (track->stem != stem) {
            continue;
        }
        *times = RF_NEW_ARRAY(double, track->n_notes + 1);
        *n = track->n_notes;
        for (size_t j = 0; j < track->n_notes; j++) {
            (*times)[j] = track->notes[j].start_s;
        }
    }
}

void corpus_truth_of(const corpus_piece *piece, corpus_truth *ret)
{
    corpus_truth truth = {
        .duration_s = piece->duration_s, .bpm = piece->bpm, .meter = piece->style->meter};
    (void)rf_copy_str(truth.name, sizeof(truth.name), piece->name);
    (void)rf_copy_str(truth.style, sizeof(truth.style), piece->style->name);
    (void)snprintf(truth.key, sizeof(truth.key), "%s %s", corpus_pitch_name(piece->tonic),
                   piece->is_minor ? "Minor" : "Major");
    annotate_chords(piece, &truth);
    annotate_sections(piece, &truth);
    annotate_beats(piece, &truth);
    annotate_drum(piece, CORPUS_KICK, &truth.kicks_s, &truth.n_kicks);
    annotate_drum(piece, CORPUS_SNARE, &truth.snares_s, &truth.n_snares);
    *ret = truth;
}

void corpus_truth_done(corpus_truth *truth)
{
    free(truth->chords);
    free(truth->sections);
    free(truth->beats_s);
    free(truth->beat_numbers);
    free(truth->kicks_s);
    free(truth->snares_s);
    *truth = (corpus_truth){.n_chords = 0};
}

/* ---- JSON ---- */

static double ms(double seconds)
{
    return round(seconds * 1e6) / 1e6;
}

static json_t *spans_to_json(const corpus_span *spans, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, json_pack("{s:f, s:f, s:s}", "start", ms(spans[i].start_s),
                                               "end", ms(spans[i].end_s), "label", spans[i].label));
    }
    return array;
}

static json_t *times_to_json(const double *times, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, json_real(ms(times[i])));
    }
    return array;
}

static json_t *beats_to_json(const corpus_truth *truth)
{
    json_t *array = json_array();
    for (size_t i = 0; i < truth->n_beats; i++) {
        json_array_append_new(array, json_pack("{s:f, s:i}", "time", ms(truth->beats_s[i]),
                                               "beatNum", truth->beat_numbers[i]));
    }
    return array;
}

int corpus_truth_save(const char *path, const corpus_truth *truth)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:f, s:f, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "name", truth->name, "style",
        truth->style, "duration", ms(truth->duration_s), "bpm", truth->bpm, "meter", truth->meter,
        "key", truth->key, "chords", spans_to_json(truth->chords, truth->n_chords), "beats",
        beats_to_json(truth), "sections", spans_to_json(truth->sections, truth->n_sections), "kick",
        times_to_json(truth->kicks_s, truth->n_kicks), "snare",
        times_to_json(truth->snares_s, truth->n_snares));
    RF_CLEANUP(rf_cleanup_free)
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(root);
    return text == NULL ? -ENOMEM : rf_file_write_atomic(path, text, strlen(text), 0644);
}

static void spans_from_json(const json_t *array, corpus_span **spans, size_t *n)
{
    size_t i;
    json_t *row;
    json_array_foreach(array, i, row)
    {
        const char *label = json_string_value(json_object_get(row, "label"));
        add_span(spans, n, json_number_value(json_object_get(row, "start")),
                 json_number_value(json_object_get(row, "end")), label != NULL ? label : "");
    }
}

static void times_from_json(const json_t *array, double **times, size_t *n)
{
    *times = RF_NEW_ARRAY(double, json_array_size(array) + 1);
    *n = json_array_size(array);
    for (size_t i = 0; i < *n; i++) {
        (*times)[i] = json_number_value(json_array_get(array, i));
    }
}

static void beats_from_json(const json_t *array, corpus_truth *truth)
{
    size_t i;
    json_t *row;
    truth->n_beats = json_array_size(array);
    truth->beats_s = RF_NEW_ARRAY(double, truth->n_beats + 1);
    truth->beat_numbers = RF_NEW_ARRAY(int, truth->n_beats + 1);
    json_array_foreach(array, i, row)
    {
        truth->beats_s[i] = json_number_value(json_object_get(row, "time"));
        truth->beat_numbers[i] = (int)json_integer_value(json_object_get(row, "beatNum"));
    }
}

static void string_from_json(const json_t *root, const char *key, char *ret, size_t ret_size)
{
    const char *text = json_string_value(json_object_get(root, key));
    (void)rf_copy_str(ret, ret_size, text != NULL ? text : "");
}

int corpus_truth_parse(const char *text, size_t len, corpus_truth *ret)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return -EINVAL;
    }
    corpus_truth truth = {.duration_s = json_number_value(json_object_get(root, "duration")),
                          .bpm = json_number_value(json_object_get(root, "bpm")),
                          .meter = (int)json_integer_value(json_object_get(root, "meter"))};
    string_from_json(root, "name", truth.name, sizeof(truth.name));
    string_from_json(root, "style", truth.style, sizeof(truth.style));
    string_from_json(root, "key", truth.key, sizeof(truth.key));
    spans_from_json(json_object_get(root, "chords"), &truth.chords, &truth.n_chords);
    spans_from_json(json_object_get(root, "sections"), &truth.sections, &truth.n_sections);
    beats_from_json(json_object_get(root, "beats"), &truth);
    times_from_json(json_object_get(root, "kick"), &truth.kicks_s, &truth.n_kicks);
    times_from_json(json_object_get(root, "snare"), &truth.snares_s, &truth.n_snares);
    json_decref(root);
    *ret = truth;
    return 0;
}

int corpus_truth_load(const char *path, corpus_truth *ret)
{
    rf_buf text;
    rf_buf_init(&text, MAX_FILE_BYTES);
    int rc = rf_file_read(path, &text);
    rc = rc == 0 ? corpus_truth_parse((const char *)text.data, text.len, ret) : rc;
    rf_buf_done(&text);
    return rc;
}
