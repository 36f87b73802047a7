#include "processor_beatmap.h"

#include "processor_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

int processor_beatmap_write(const analysis_beats *beats, double duration_s, processor_value *out)
{
    rf_buf b;
    const char *before = "";
    int64_t last_ms = -1;
    int64_t end_ms = llround(duration_s * 1000.0);
    rf_buf_init(&b, PROCESSOR_JSON_MAX);
    rf_buf_append_char(&b, '[');
    for (size_t i = 0; i < beats->n_beats; i++) {
        const analysis_beat *beat = &beats->beats[i];
        int64_t at_ms = llround(beat->time_s * 1000.0);
        if (at_ms <= last_ms || at_ms > end_ms) {
            continue;
        }
        rf_buf_printf(&b, "%s{\"time\":", before);
        processor_json_ms(&b, at_ms);
        rf_buf_printf(&b, ",\"beatNum\":%d,\"confidence\":", beat->number);
        processor_json_number(&b, (double)beat->confidence, 3);
        rf_buf_append_char(&b, '}');
        before = ",";
        last_ms = at_ms;
    }
    rf_buf_append_str(&b, "]\n");
    return processor_json_save(&b, PROCESSOR_JSON, out);
}

static int read_row(const json_t *row, double after_s, analysis_beat *ret)
{
    const json_t *time = json_object_get(row, "time");
    json_int_t number = json_integer_value(json_object_get(row, "beatNum"));
    if (!json_is_number(time) || number < 1 || number > 64) {
        return -EPROTO;
    }
    ret->time_s = json_number_value(time);
    ret->number = (int)number;
    ret->confidence = (float)json_number_value(json_object_get(row, "confidence"));
    return ret->time_s > after_s ? 0 : -EPROTO;
}

/* Tempo from the whole span: rounding of single rows does not matter. */
static void measure(analysis_beats *b)
{
    for (size_t i = 0; i < b->n_beats; i++) {
        b->beats_per_bar = RF_MAX(b->beats_per_bar, b->beats[i].number);
        b->confidence += (double)b->beats[i].confidence / (double)b->n_beats;
    }
    if (b->n_beats > 1) {
        double span_s = b->beats[b->n_beats - 1].time_s - b->beats[0].time_s;
        b->bpm = 60.0 * (double)(b->n_beats - 1) / span_s;
    }
}

static int read_rows(const json_t *rows, analysis_beats *ret)
{
    size_t i;
    json_t *row;
    double after_s = -1.0;
    if (!json_is_array(rows)) {
        return -EPROTO;
    }
    ret->beats = RF_NEW_ARRAY(analysis_beat, json_array_size(rows));
    json_array_foreach(rows, i, row)
    {
        int err = read_row(row, after_s, &ret->beats[i]);
        if (err < 0) {
            return err;
        }
        after_s = ret->beats[i].time_s;
        ret->n_beats++;
    }
    measure(ret);
    return 0;
}

int processor_beatmap_read(const processor_value *map, analysis_beats *ret)
{
    processor_map bytes;
    int err = processor_map_open(map, &bytes);
    if (err < 0) {
        return err;
    }
    json_t *rows = json_loadb(bytes.data, bytes.len, 0, NULL);
    processor_map_close(&bytes);
    *ret = (analysis_beats){0};
    err = read_rows(rows, ret);
    json_decref(rows);
    if (err < 0) {
        processor_beatmap_done(ret);
    }
    return err;
}

void processor_beatmap_done(analysis_beats *beats)
{
    free(beats->beats);
    *beats = (analysis_beats){0};
}
