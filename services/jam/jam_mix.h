/*
 * jam_mix.h - styles and weights: the list that a client has set, the mix of it that an engine is
 * given, and the way from one mix to another. Plain data, no heap.
 */
#ifndef JAM_MIX_H
#define JAM_MIX_H

#include "jam_change.h"

/* As set by the client, positions kept: style_weights alone apply to it. */
typedef struct jam_style_list {
    char names[JAM_STYLES_MAX][JAM_STYLE_NAME_SIZE];
    double weights[JAM_STYLES_MAX];
    size_t n;
} jam_style_list;

/* What an engine hears: no weight is 0, together they are 1. Neutral is no style at all. */
typedef struct jam_mix {
    jam_style_weight styles[JAM_STYLES_MAX];
    size_t n;
} jam_mix;

void jam_style_list_default(jam_style_list *ret);

/* jam_style_list_change: new styles have weight 1 each; then the weights given, by position. */
void jam_style_list_change(jam_style_list *list, const jam_change *change);

void jam_mix_of(const jam_style_list *list, jam_mix *ret);

/* jam_mix_between: (1 - part) of one and part of the other, 0 to 1. Neutral takes its share as a
 * style without name. Of more than JAM_STYLES_MAX styles the lightest are left out. */
void jam_mix_between(const jam_mix *from, const jam_mix *to, double part, jam_mix *ret);

#endif
