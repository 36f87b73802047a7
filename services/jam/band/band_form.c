#include "band_form.h"

#define FREE BAND_NO_TARGET
#define HOME(letter, cadence)                                                                      \
    {                                                                                              \
        letter, true, cadence, false,                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define AWAY(letter, cadence)                                                                      \
    {                                                                                              \
        letter, false, cadence, false,                                                             \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define FIXED(letter, home, cadence, ...)                                                          \
    {                                                                                              \
        letter, home, cadence, true,                                                               \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const band_form FORMS[BAND_N_FORMS] = {
    [FORM_LOOP_8] = {2, {HOME('A', ROLE_TURN), HOME('A', ROLE_TURN)}},
    [FORM_PERIOD_8] = {2, {HOME('A', ROLE_HALF), HOME('B', ROLE_FULL)}},
    [FORM_BLUES_12] = {3,
                       {FIXED('A', true, ROLE_INNER, 0, 0, 0, 0),
                        FIXED('B', false, ROLE_INNER, 5, 5, 0, 0),
                        FIXED('C', false, ROLE_TURN, 7, 5, 0, 7)}},
    [FORM_QUICK_BLUES_12] = {3,
                             {FIXED('A', true, ROLE_INNER, 0, 5, 0, 0),
                              FIXED('B', false, ROLE_INNER, 5, 5, 0, FREE),
                              FIXED('C', false, ROLE_TURN, FREE, 7, 0, 7)}},
    [FORM_MINOR_BLUES_12] = {3,
                             {FIXED('A', true, ROLE_INNER, 0, 0, 0, 0),
                              FIXED('B', false, ROLE_INNER, 5, 5, 0, 0),
                              FIXED('C', false, ROLE_TURN, 8, 7, 0, FREE)}},
    [FORM_LOOP_16] = {4,
                      {HOME('A', ROLE_TURN), HOME('A', ROLE_TURN), HOME('B', ROLE_TURN),
                       HOME('B', ROLE_TURN)}},
    [FORM_AABA_16] = {4,
                      {HOME('A', ROLE_HALF), HOME('A', ROLE_HALF), AWAY('B', ROLE_HALF),
                       HOME('A', ROLE_HALF)}},
    [FORM_ABAC_16] = {4,
                      {HOME('A', ROLE_INNER), HOME('B', ROLE_HALF), HOME('A', ROLE_INNER),
                       AWAY('C', ROLE_FULL)}},
    [FORM_VAMP_16] = {4,
                      {HOME('A', ROLE_INNER), HOME('A', ROLE_INNER), HOME('A', ROLE_INNER),
                       HOME('B', ROLE_TURN)}},
    [FORM_AABA_32] = {8,
                      {HOME('A', ROLE_INNER), HOME('B', ROLE_FULL), HOME('A', ROLE_INNER),
                       HOME('B', ROLE_FULL), AWAY('C', ROLE_INNER), AWAY('D', ROLE_HALF),
                       HOME('A', ROLE_INNER), HOME('B', ROLE_FULL)}},
    [FORM_ABAC_32] = {8,
                      {HOME('A', ROLE_INNER), HOME('B', ROLE_HALF), HOME('C', ROLE_INNER),
                       AWAY('D', ROLE_HALF), HOME('A', ROLE_INNER), HOME('B', ROLE_HALF),
                       HOME('E', ROLE_PREPARE), HOME('F', ROLE_FULL)}},
    [FORM_VERSE_CHORUS_32] = {8,
                              {HOME('A', ROLE_TURN), HOME('A', ROLE_TURN), HOME('A', ROLE_TURN),
                               AWAY('B', ROLE_HALF), HOME('C', ROLE_TURN), HOME('C', ROLE_TURN),
                               HOME('C', ROLE_TURN), HOME('D', ROLE_FULL)}},
};

static const struct {
    uint8_t n;
    uint8_t at[2 * BAND_PHRASE_BARS];
} PACES[BAND_N_PACES] = {
    [PACE_PHRASE] = {1, {0}},
    [PACE_TWO_BARS] = {3, {0, 4, 7}},
    [PACE_BAR] = {4, {0, 2, 4, 6}},
    [PACE_BAR_RUSHED] = {5, {0, 2, 4, 6, 7}},
    [PACE_LONG_FIRST] = {3, {0, 4, 6}},
    [PACE_HALF_BAR] = {6, {0, 2, 3, 4, 5, 6}}, /* home and cadence have a bar */
    [PACE_ALTERNATE] = {6, {0, 2, 3, 4, 6, 7}},
};

const band_form *band_form_get(size_t i)
{
    return &FORMS[i];
}

size_t band_form_pace(band_pace pace, uint8_t *ret)
{
    for (size_t i = 0; i < PACES[pace].n; i++) {
        ret[i] = PACES[pace].at[i];
    }
    return PACES[pace].n;
}
