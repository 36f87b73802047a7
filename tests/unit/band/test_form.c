/* Forms: the table, and that the music one hears has them. */
#include <criterion/criterion.h>
#include <string.h>

#include "band_case.h"
#include "band_form.h"
#include "band_styles.h"

#define BARS 64

Test(form, lengths_are_8_12_16_and_32_bars)
{
    bool found[33] = {false};
    for (size_t i = 0; i < BAND_N_FORMS; i++) {
        size_t bars = (size_t)band_form_get(i)->n_phrases * BAND_PHRASE_BARS;
        cr_assert(bars == 8 || bars == 12 || bars == 16 || bars == 32, "%zu", bars);
        found[bars] = true;
    }
    cr_expect(found[8] && found[12] && found[16] && found[32]);
}

Test(form, starts_at_home_returns_and_ends_in_a_cadence)
{
    for (size_t i = 0; i < BAND_N_FORMS; i++) {
        const band_form *form = band_form_get(i);
        const band_phrase *last = &form->phrases[form->n_phrases - 1];
        cr_expect(form->phrases[0].home && form->phrases[0].letter == 'A');
        cr_expect(last->cadence == ROLE_FULL || last->cadence == ROLE_TURN ||
                      last->cadence == ROLE_HALF,
                  "form %zu", i);
        for (size_t p = 0; p < form->n_phrases; p++) {
            cr_expect(form->phrases[p].letter >= 'A' &&
                      form->phrases[p].letter < 'A' + BAND_LETTERS);
        }
    }
}

Test(form, equal_letters_are_equal_phrases)
{
    for (size_t i = 0; i < BAND_N_FORMS; i++) {
        const band_form *form = band_form_get(i);
        for (size_t a = 0; a < form->n_phrases; a++) {
            for (size_t b = a + 1; b < form->n_phrases; b++) {
                const band_phrase *x = &form->phrases[a];
                const band_phrase *y = &form->phrases[b];
                cr_expect(x->letter != y->letter ||
                              (x->home == y->home && x->cadence == y->cadence),
                          "form %zu", i);
            }
        }
    }
}

Test(form, the_blues_has_its_chords)
{
    static const int ROOTS[12] = {0, 0, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7};
    const band_form *form = band_form_get(FORM_BLUES_12);
    for (int bar = 0; bar < 12; bar++) {
        cr_expect_eq(form->phrases[bar / 4].roots[bar % 4], ROOTS[bar]);
    }
}

Test(form, harmonic_rhythms_begin_at_the_phrase_and_rise)
{
    for (int pace = 0; pace < BAND_N_PACES; pace++) {
        uint8_t at[2 * BAND_PHRASE_BARS];
        size_t n = band_form_pace((band_pace)pace, at);
        cr_assert(n >= 1 && n <= RF_ARRAY_LEN(at) && at[0] == 0);
        for (size_t i = 1; i < n; i++) {
            cr_expect(at[i] > at[i - 1] && at[i] < 2 * BAND_PHRASE_BARS);
        }
    }
}

/* However fast the harmony moves, the chord that opens a phrase has a bar to be heard in. */
Test(form, home_has_a_bar_in_every_harmonic_rhythm)
{
    for (int pace = 0; pace < BAND_N_PACES; pace++) {
        uint8_t at[2 * BAND_PHRASE_BARS];
        const size_t n = band_form_pace((band_pace)pace, at);
        cr_expect(n == 1 || at[1] >= 2, "pace %d", pace);
    }
}

/* A bar as what starts on which of its sixteenths: bass and chords by pitch class, drums by key. */
typedef struct band_bar {
    uint8_t marks[16][64];
} band_bar;

static void draw_bars(const band_case_notes *notes, band_bar *bars)
{
    memset(bars, 0, BARS * sizeof(*bars));
    for (size_t i = 0; i < notes->n; i++) {
        const band_note *note = &notes->notes[i];
        int step = (int)(note->beat * 4.0 + 0.25);
        if (step < BARS * 16 && note->part <= BAND_PAD) {
            int mark = note->part <= BAND_PERCUSSION ? note->pitch % 32 : 32 + note->pitch % 12;
            mark += note->part == BAND_BASS ? 16 : 0;
            bars[step / 16].marks[step % 16][mark] = 1;
        }
    }
}

/* Share of marks that two bars have in common. */
static double alike(const band_bar *a, const band_bar *b)
{
    size_t both = 0, any = 0;
    for (int s = 0; s < 16; s++) {
        for (int m = 0; m < 64; m++) {
            both += a->marks[s][m] && b->marks[s][m];
            any += a->marks[s][m] || b->marks[s][m];
        }
    }
    return any == 0 ? 0.0 : (double)both / (double)any;
}

static double alike_at_lag(const band_bar *bars, int lag)
{
    double sum = 0.0;
    for (int i = 0; i + lag < BARS; i++) {
        sum += alike(&bars[i], &bars[i + lag]);
    }
    return sum / (BARS - lag);
}

/* The lag of the most likeness among 1 to 16 bars is a multiple of the phrase. */
Test(form, shows_in_the_likeness_of_bars)
{
    static band_bar bars[BARS];
    size_t shown = 0;
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = band_case_controls(band_styles_name(i));
        band_case_notes *notes = band_case_play(i, &c, BARS);
        draw_bars(notes, bars);
        int best = 3;
        for (int lag = 3; lag <= 16; lag++) {
            best = alike_at_lag(bars, lag) > alike_at_lag(bars, best) ? lag : best;
        }
        shown += best % BAND_PHRASE_BARS == 0;
        free(notes);
    }
    cr_expect_geq(shown, band_styles_count() * 95 / 100, "%zu of %zu", shown, band_styles_count());
}

/* The first phrase of a form comes back, in its chords, with another melody in time. */
Test(form, phrases_return_and_melodies_are_renewed)
{
    jam_controls c = band_case_controls("pop");
    band_case_notes *notes = band_case_play(11, &c, BARS);
    static band_bar bars[BARS];
    draw_bars(notes, bars);
    size_t same = 0;
    for (int i = 0; i < BARS; i++) {
        for (int k = 0; k < i; k++) {
            if (i % 4 == k % 4 && alike(&bars[i], &bars[k]) > 0.6) {
                same++;
                break;
            }
        }
    }
    cr_expect_geq(same, BARS / 2, "%zu", same);
    free(notes);
}
