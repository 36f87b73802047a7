#include "recorder_listen.h"

#include "recorder_text.h"

#include <string.h>

recorder_code recorder_listen_from(const char *from, recorder_listen *ret, recorder_error *error)
{
    recorder_bound bound;
    if (from[0] == '\0' || strcmp(from, "now") == 0) {
        ret->from = RECORDER_FROM_NOW;
    } else if (strcmp(from, "start") == 0) {
        ret->from = RECORDER_FROM_START;
    } else if (recorder_text_bound(from, &bound) == 0 && bound.is_frame) {
        ret->from = RECORDER_FROM_FRAME;
        ret->frame = bound.value;
    } else {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                             "from: now, start, or f: and a frame");
    }
    return RECORDER_OK;
}

recorder_code recorder_listen_format(const char *format, recorder_output *ret,
                                     recorder_error *error)
{
    if (format[0] != '\0' && recorder_format_parse(format, &ret->format) < 0) {
        return recorder_fail(error, RECORDER_UNSUPPORTED_FORMAT,
                             "format: pcm, wav, flac, mp3 or opus");
    }
    return RECORDER_OK;
}

/* Leaves *ret as it is for "". */
static recorder_code read_word(const char *field, const char *word, const char *const *words, int n,
                               int *ret, recorder_error *error)
{
    for (int i = 0; word[0] != '\0' && i < n; i++) {
        if (strcmp(words[i], word) == 0) {
            *ret = i;
            return RECORDER_OK;
        }
    }
    return word[0] == '\0' ? RECORDER_OK
                           : recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                                           "%s: there is no %.40s", field, word);
}

recorder_code recorder_listen_ways(const char *lag_policy, const char *framing,
                                   recorder_listen *ret, recorder_error *error)
{
    static const char *const policies[] = {"wait", "drop", "disconnect"};
    static const char *const framings[] = {"continuous", "standalone"};
    int policy = ret->from == RECORDER_FROM_NOW ? RECORDER_LAG_DROP : RECORDER_LAG_WAIT;
    int form = RECORDER_CONTINUOUS;
    recorder_code code = read_word("lag_policy", lag_policy, policies, 3, &policy, error);
    code = code == RECORDER_OK ? read_word("framing", framing, framings, 2, &form, error) : code;
    ret->lag_policy = (recorder_lag_policy)policy;
    ret->framing = (recorder_framing)form;
    return code;
}
