#include "band_style.h"
#include "band_styles.h"

#include <ctype.h>
#include <string.h>

#define TEXT_MAX 160 /* of a normalised text or name */

#define SCORE_NAME 1.0
#define SCORE_OTHER_NAME 0.95
#define SCORE_NAME_WITHIN 0.8 /* the text holds the name, word by word */
#define SCORE_WORD 0.3        /* for each key word of the text */
#define SCORE_HINT_MAX 0.7

/* A text as words between single spaces, a space at both ends; letters small, all that is no letter
 * or digit parts words. Bytes beyond ASCII stay. */
static void normalise(const char *text, size_t len, char *ret)
{
    size_t n = 0;
    ret[n++] = ' ';
    for (size_t i = 0; i < len && n + 2 < TEXT_MAX; i++) {
        unsigned char ch = (unsigned char)text[i];
        bool part = isalnum(ch) || ch >= 0x80 || ch == '&';
        if (part) {
            ret[n++] = (char)tolower(ch);
        } else if (ret[n - 1] != ' ') {
            ret[n++] = ' ';
        }
    }
    if (ret[n - 1] != ' ') {
        ret[n++] = ' ';
    }
    ret[n] = '\0';
}

/* The next of a list by commas, normalised; false at its end. */
static bool next_item(const char **list, char *ret)
{
    if (**list == '\0') {
        return false;
    }
    size_t len = strcspn(*list, ",");
    normalise(*list, len, ret);
    *list += len + ((*list)[len] == ',' ? 1 : 0);
    return true;
}

/* How well one name fits: exactly, or as part of the text; longer names first. */
static double name_score(const char *text, const char *name, double exact)
{
    if (strcmp(text, name) == 0) {
        return exact;
    }
    if (name[1] == '\0' || strstr(text, name) == NULL) {
        return 0.0;
    }
    double share = (double)strlen(name) / (double)strlen(text);
    return SCORE_NAME_WITHIN + 0.1 * share;
}

static double names_score(const char *text, const band_style *style)
{
    char item[TEXT_MAX];
    const char *list = style->also;
    normalise(style->name, strlen(style->name), item);
    double best = name_score(text, item, SCORE_NAME);
    while (next_item(&list, item)) {
        best = RF_MAX(best, name_score(text, item, SCORE_OTHER_NAME));
    }
    return best;
}

static double words_score(const char *text, const band_style *style)
{
    char item[TEXT_MAX];
    const char *list = style->words;
    double sum = 0.0;
    while (next_item(&list, item)) {
        sum += strstr(text, item) != NULL ? SCORE_WORD : 0.0;
    }
    return RF_MIN(sum, SCORE_HINT_MAX);
}

int band_styles_match(const char *text, double *ret_score)
{
    char words[TEXT_MAX];
    int best = -1;
    *ret_score = 0.0;
    normalise(text, strlen(text), words);
    for (size_t i = 0; i < band_styles_count() && words[1] != '\0'; i++) {
        const band_style *style = band_style_get(i);
        double score = RF_MAX(names_score(words, style), words_score(words, style));
        if (score > *ret_score) {
            *ret_score = score;
            best = (int)i;
        }
    }
    return best;
}
