/* What a client sends as text: whatever it is, the parser tells errors or gives values within their
 * ranges, which a timeline takes. */
#include "jam_answer.h"
#include "jam_chunk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_errors(const jam_error *errors, size_t n)
{
    static char text[JAM_ANSWER_SIZE];
    expect(n >= 1 && n <= JAM_ERRORS_MAX);
    for (size_t i = 0; i < n; i++) {
        expect(errors[i].text[0] != '\0');
        expect(jam_answer_error(&errors[i], "", text, sizeof(text)) > 0);
    }
}

static bool has(const jam_change *c, jam_field field)
{
    return (c->set & JAM_FIELD_BIT(field)) != 0;
}

static void check_change(const jam_change *c)
{
    expect(c->n_styles <= JAM_STYLES_MAX && c->n_style_weights <= JAM_STYLES_MAX);
    expect(!has(c, JAM_FIELD_BPM) || c->bpm == 0.0 || (c->bpm >= 60.0 && c->bpm <= 200.0));
    expect(!has(c, JAM_FIELD_DENSITY) || c->density <= 1.0);
    expect(!has(c, JAM_FIELD_TOPK) || (c->topk >= 1 && c->topk <= 1024));
    expect(!has(c, JAM_FIELD_TEMPERATURE) || (c->temperature >= 0.0 && c->temperature <= 3.0));
    expect(c->key >= JAM_KEY_AUTO && c->key <= 11 && c->scale < JAM_N_SCALES);
    expect(c->overlap <= JAM_OVERLAP_MAX && c->max_decode_frames <= JAM_CHUNK_FRAMES_MAX);
}

static void check_timeline(const jam_message *m)
{
    static const jam_change start;
    static jam_plan plan;
    jam_when when;
    jam_error error;
    jam_place place = {.struct_size = sizeof(place), .bpm = 120.0, .bar = 1, .beat = 1.0};
    jam_timeline *timeline = jam_timeline_new(&start, 64, NULL, NULL);
    (void)jam_timeline_add(timeline, &m->change, m->id, 0, &when, &error);
    for (int i = 0; i < 4; i++) {
        jam_timeline_plan(timeline, &place, &plan);
        expect(plan.n <= JAM_POINTS_MAX && plan.at_start.n_styles <= JAM_STYLES_MAX);
    }
    jam_timeline_free(timeline);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static jam_message m;
    static jam_error errors[JAM_ERRORS_MAX];
    static char text[JAM_ANSWER_SIZE];
    const jam_message_context context = {.n_styles = 2,
                                         .overlap = 1920,
                                         .chunk_frames = 50,
                                         .text = true,
                                         .bitrate_kbps = 128,
                                         .crossfade_default = -1.0};
    size_t n_errors = 0;
    if (size > JAM_MESSAGE_BYTES_MAX) {
        return 0;
    }
    if (jam_message_parse((const char *)data, size, &context, &m, errors, &n_errors) != 0) {
        check_errors(errors, n_errors);
        return 0;
    }
    expect(n_errors == 0 && m.type < JAM_TYPE_NONE && strlen(m.id) < JAM_ID_SIZE);
    check_change(&m.change);
    const jam_status status = {.id = m.id, .updated = m.change.set, .ignored = &m.ignored};
    expect(jam_answer_status(&status, text, sizeof(text)) > 0);
    if (m.type == JAM_TYPE_UPDATE) {
        check_timeline(&m);
    }
    return 0;
}
