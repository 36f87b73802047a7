/*
 * click_cases.h - what the click test does to a session: random updates of one field each, of all
 * that an update may hold, and the doings that are no update. Constant data, any thread.
 */
#ifndef CLICK_CASES_H
#define CLICK_CASES_H

#include "click_session.h"

/* Draws for a session; equal seeds draw the same. */
typedef struct click_luck {
    uint64_t state;
} click_luck;

uint32_t click_draw(click_luck *luck, uint32_t n); /* 0 to n - 1 */
double click_draw_real(click_luck *luck, double min, double max);

/* Whom it is done to. */
typedef struct click_turn {
    click_session *session;
    const jam_engine *engine;
    click_luck *luck;
    bool drums; /* they may be heard */
} click_turn;

typedef struct click_case click_case;
struct click_case {
    const char *name;
    jam_field field; /* JAM_N_FIELDS: none */
    click_kind kind; /* of its events */
    void (*act)(const click_case *self, const click_turn *turn);
};

extern const click_case click_cases[];
extern const size_t click_n_cases;

#endif
