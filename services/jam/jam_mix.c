#include "jam_mix.h"

#include <string.h>

void jam_style_list_default(jam_style_list *ret)
{
    *ret = (jam_style_list){.names = {"warmup"}, .weights = {1.0}, .n = 1};
}

void jam_style_list_change(jam_style_list *list, const jam_change *change)
{
    if ((change->set & JAM_FIELD_BIT(JAM_FIELD_STYLES)) != 0) {
        list->n = change->n_styles;
        memcpy(list->names, change->styles, sizeof(list->names));
        for (size_t i = 0; i < JAM_STYLES_MAX; i++) {
            list->weights[i] = 1.0;
        }
    }
    if ((change->set & JAM_FIELD_BIT(JAM_FIELD_STYLE_WEIGHTS)) != 0) {
        for (size_t i = 0; i < list->n; i++) {
            list->weights[i] = i < change->n_style_weights ? change->style_weights[i] : 1.0;
        }
    }
}

void jam_mix_of(const jam_style_list *list, jam_mix *ret)
{
    double sum = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        sum += list->weights[i];
    }
    ret->n = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (list->weights[i] > 0.0) {
            jam_style_weight *style = &ret->styles[ret->n++];
            memcpy(style->name, list->names[i], sizeof(style->name));
            style->weight = list->weights[i] / sum;
        }
    }
}

#define BOTH_MAX (2 * JAM_STYLES_MAX)

/* While two mixes are joined. */
typedef struct joint {
    jam_style_weight styles[BOTH_MAX];
    size_t n;
} joint;

static void join(joint *j, const char *name, double weight)
{
    if (!(weight > 0.0)) {
        return;
    }
    for (size_t i = 0; i < j->n; i++) {
        if (strcmp(j->styles[i].name, name) == 0) {
            j->styles[i].weight += weight;
            return;
        }
    }
    jam_style_weight *style = &j->styles[j->n++];
    (void)rf_copy_str(style->name, sizeof(style->name), name);
    style->weight = weight;
}

static void join_mix(joint *j, const jam_mix *mix, double part)
{
    for (size_t i = 0; i < mix->n; i++) {
        join(j, mix->styles[i].name, mix->styles[i].weight * part);
    }
    if (mix->n == 0) {
        join(j, "", part);
    }
}

static void drop_lightest(joint *j)
{
    size_t lightest = 0;
    for (size_t i = 1; i < j->n; i++) {
        lightest = j->styles[i].weight <= j->styles[lightest].weight ? i : lightest;
    }
    j->n--;
    memmove(&j->styles[lightest], &j->styles[lightest + 1],
            (j->n - lightest) * sizeof(j->styles[0]));
}

void jam_mix_between(const jam_mix *from, const jam_mix *to, double part, jam_mix *ret)
{
    if (part <= 0.0 || part >= 1.0) {
        *ret = part <= 0.0 ? *from : *to;
        return;
    }
    joint j = {.n = 0};
    join_mix(&j, to, part);
    join_mix(&j, from, 1.0 - part);
    while (j.n > JAM_STYLES_MAX) {
        drop_lightest(&j);
    }
    double sum = 0.0;
    for (size_t i = 0; i < j.n; i++) {
        sum += j.styles[i].weight;
    }
    ret->n = j.n;
    for (size_t i = 0; i < j.n; i++) {
        ret->styles[i] = j.styles[i];
        ret->styles[i].weight /= sum;
    }
}
