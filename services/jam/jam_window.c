#include "jam_window.h"

#include <string.h>

void jam_window_init(jam_window *window, uint32_t cap, uint32_t n)
{
    *window = (jam_window){
        .data = RF_NEW_ARRAY(float, (size_t)cap *JAM_CHANNELS), .cap = cap, .first = -(int64_t)n};
}

void jam_window_done(jam_window *window)
{
    free(window->data);
    window->data = NULL;
}

float *jam_window_at(const jam_window *window, int64_t position)
{
    return window->data + (position - window->first) * JAM_CHANNELS;
}

void jam_window_keep(jam_window *window, int64_t position)
{
    if (position <= window->first) {
        return;
    }
    size_t n = (size_t)(window->end - position) * JAM_CHANNELS;
    memmove(window->data, jam_window_at(window, position), n * sizeof(float));
    window->first = position;
}

float *jam_window_add(jam_window *window, uint32_t n)
{
    float *at = jam_window_at(window, window->end);
    window->end += n;
    return at;
}

void jam_fade(const float *a, const float *b, uint32_t n, float *out)
{
    for (uint32_t i = 0; i < n; i++) {
        float g = (float)i / (float)n;
        for (uint32_t c = 0; c < JAM_CHANNELS; c++, a++, b++, out++) {
            *out = *a + g * (*b - *a);
        }
    }
}
