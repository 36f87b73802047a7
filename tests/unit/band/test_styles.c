/* The tables of styles, and which of them a free text is taken for. */
#include <criterion/criterion.h>
#include <string.h>

#include "band_style.h"
#include "band_styles.h"

static const char *matched(const char *text, double *ret_score)
{
    int i = band_styles_match(text, ret_score);
    return i < 0 ? "" : band_styles_name((size_t)i);
}

Test(styles, are_56_or_more_with_names_of_their_own)
{
    size_t n = band_styles_count();
    cr_expect_geq(n, 56);
    for (size_t a = 0; a < n; a++) {
        for (size_t b = a + 1; b < n; b++) {
            cr_expect_str_neq(band_styles_name(a), band_styles_name(b));
        }
    }
}

Test(styles, have_tempos_feels_and_defaults_within_limits)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        const band_style *s = band_style_get(i);
        cr_expect(s->bpm_low >= 60 && s->bpm_low <= s->bpm && s->bpm <= s->bpm_high &&
                      s->bpm_high <= 200,
                  "%s", s->name);
        cr_expect(s->bpm_high > s->bpm_low, "%s", s->name);
        cr_expect(s->swing_8 >= 50 && s->swing_8 <= 67, "%s", s->name);
        cr_expect(s->swing_16 >= 50 && s->swing_16 <= 67, "%s", s->name);
        cr_expect(s->density >= 20 && s->density <= 80, "%s", s->name);
        cr_expect(s->brightness >= 20 && s->brightness <= 80, "%s", s->name);
        cr_expect(s->feel < BAND_N_FEELS && s->harmony < BAND_N_HARMONIES, "%s", s->name);
        cr_expect(s->desk < BAND_N_DESKS && s->family != NULL, "%s", s->name);
        cr_expect(s->also[0] != '\0' && s->words[0] != '\0', "%s", s->name);
    }
}

static bool is_item(band_kind kind, int item)
{
    for (size_t i = 0; i < band_kinds_count(kind); i++) {
        if (band_kinds_item(kind, i) == item) {
            return true;
        }
    }
    return false;
}

/* A like that names nothing would be silently lost. */
Test(styles, like_things_that_there_are)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        const band_style *s = band_style_get(i);
        for (int kind = 0; kind < BAND_N_KINDS; kind++) {
            const band_like *likes = band_style_likes(s, (band_kind)kind);
            for (size_t k = 0; k < BAND_LIKES_MAX && likes[k].weight > 0; k++) {
                cr_expect(is_item((band_kind)kind, likes[k].item), "%s: %s %d", s->name,
                          band_kinds_name((band_kind)kind), likes[k].item);
                for (size_t l = 0; l < k; l++) {
                    cr_expect_neq(likes[l].item, likes[k].item, "%s: %s twice", s->name,
                                  band_kinds_name((band_kind)kind));
                }
            }
        }
    }
}

Test(styles, have_an_opinion_on_all_but_key_tempo_and_chords)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        for (int kind = 0; kind < BAND_N_KINDS; kind++) {
            bool open = kind == K_KEY || kind == K_TEMPO || kind == K_CHORD;
            const band_like *likes = band_style_likes(band_style_get(i), (band_kind)kind);
            cr_expect(open || likes[0].weight > 0, "%s: %s", band_styles_name(i),
                      band_kinds_name((band_kind)kind));
        }
    }
}

Test(styles, patterns_are_one_bar_or_two_of_known_marks)
{
    static const band_kind KINDS[] = {K_KICK, K_SNARE, K_HAT, K_PERC,  K_FILL,
                                      K_BASS, K_COMP,  K_ARP, K_RHYTHM};
    for (size_t k = 0; k < RF_ARRAY_LEN(KINDS); k++) {
        for (size_t i = 0; i < band_kinds_count(KINDS[k]); i++) {
            const band_pattern *p = band_kinds_pattern(KINDS[k], i);
            size_t len = strlen(p->steps);
            bool two = len == 2 * BAND_STEPS && KINDS[k] != K_RHYTHM && KINDS[k] != K_FILL;
            cr_expect(len == BAND_STEPS || two, "%s %zu", band_kinds_name(KINDS[k]), i);
            cr_expect_eq(strspn(p->steps, ".-XxogORr8537awlmhskSpcO0123456789"), len, "%s %zu",
                         band_kinds_name(KINDS[k]), i);
            cr_expect(p->steps2 == NULL || strlen(p->steps2) % BAND_STEPS == 0);
            cr_expect(p->neutral > 0);
        }
    }
}

Test(styles, are_found_by_their_own_name_with_full_score)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        double score;
        cr_expect_str_eq(matched(band_styles_name(i), &score), band_styles_name(i));
        cr_expect_eq(score, 1.0);
    }
}

Test(styles, are_found_by_other_names_and_key_words)
{
    static const char *const CASES[][2] = {
        {"lofi chill beats", "lofi"},
        {"dnb", "drum and bass"},
        {"DnB!", "drum and bass"},
        {"Drum & Bass", "drum and bass"},
        {"metal", "heavy metal"},
        {"some heavy metal please", "heavy metal"},
        {"bossa", "bossa nova"},
        {"hip-hop", "hiphop"},
        {"Hip Hop", "hiphop"},
        {"boom bap", "hiphop"},
        {"acid", "acid house"},
        {"808 trap beat", "trap"},
        {"orchestral film score", "cinematic"},
        {"music for yoga and meditation", "new age"},
        {"smoky late night jazz", "cool jazz"},
        {"2-step", "uk garage"},
        {"r&b", "rnb"},
        {"8-bit video game", "chiptune"},
        {"irish tavern music", "celtic"},
        {"warehouse techno", "techno"},
        {"a sad piano ballad", "ballad"},
        {"jazzy", "jazz"},
        {"driving berlin machine music", "techno"},
        {"saxophone dinner music", "smooth jazz"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(CASES); i++) {
        double score;
        cr_expect_str_eq(matched(CASES[i][0], &score), CASES[i][1], "%s: %s", CASES[i][0],
                         matched(CASES[i][0], &score));
        cr_expect(score > 0.0 && score <= 1.0);
    }
}

Test(styles, none_is_found_for_nothing_and_for_nonsense)
{
    static const char *const TEXTS[] = {"", "   ", "!?", "xyzzy", "\xc3\xa4\xc3\xb6\xc3\xbc", ","};
    for (size_t i = 0; i < RF_ARRAY_LEN(TEXTS); i++) {
        double score = 1.0;
        cr_expect_eq(band_styles_match(TEXTS[i], &score), -1, "\"%s\"", TEXTS[i]);
        cr_expect_eq(score, 0.0);
    }
}

Test(styles, a_text_of_full_length_is_taken_whole)
{
    char text[129];
    double score;
    memset(text, 'q', sizeof(text) - 1);
    text[128] = '\0';
    cr_expect_eq(band_styles_match(text, &score), -1);
    memcpy(text + 120, " techno", 8);
    cr_expect_str_eq(matched(text, &score), "techno");
}
