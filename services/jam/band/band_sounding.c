#include "band_sounding.h"

static void release(band_sounding *sounding, band_synth *synth, size_t i)
{
    band_synth_stop(synth, sounding->notes[i].note);
    sounding->notes[i] = sounding->notes[--sounding->n];
}

void band_sounding_stop(band_sounding *sounding, band_synth *synth, double until)
{
    for (size_t i = 0; i < sounding->n;) {
        if (sounding->notes[i].end_beat < until) {
            release(sounding, synth, i);
        } else {
            i++;
        }
    }
}

void band_sounding_make_room(band_sounding *sounding, band_synth *synth, const band_note *note)
{
    size_t first = 0;
    for (size_t i = 0; i < sounding->n; i++) {
        const band_sounding_note *s = &sounding->notes[i];
        if (s->part == note->part && s->pitch == note->pitch) {
            release(sounding, synth, i);
            return;
        }
        first = s->end_beat < sounding->notes[first].end_beat ? i : first;
    }
    if (sounding->n == BAND_SOUNDING_MAX) {
        release(sounding, synth, first);
    }
}

void band_sounding_add(band_sounding *sounding, const band_note *note, double end_beat,
                       uint32_t number)
{
    sounding->notes[sounding->n++] = (band_sounding_note){
        .end_beat = end_beat,
        .note = number,
        .part = (uint8_t)note->part,
        .pitch = note->pitch,
    };
}
