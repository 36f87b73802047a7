#include "message_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

const jam_message_context message_running = {.n_styles = 2,
                                             .overlap = 1920,
                                             .chunk_frames = 50,
                                             .format = JAM_FORMAT_WAV_F32,
                                             .bitrate_kbps = 128,
                                             .text = true,
                                             .crossfade_default = -1.0};

const message_parsed *message_parse(const char *text)
{
    static message_parsed p;
    p.err = jam_message_parse(text, strlen(text), &message_running, &p.m, p.errors, &p.n_errors);
    cr_assert_eq(p.err, p.n_errors > 0 ? -EBADMSG : 0, "%s", text);
    return &p;
}

/* A message with exactly one error. */
const jam_error *message_bad(const char *text, jam_code code, const char *field)
{
    const message_parsed *p = message_parse(text);
    cr_expect_eq(p->n_errors, 1, "%s: %zu errors", text, p->n_errors);
    cr_expect_eq(p->errors[0].code, code, "%s: %s", text, jam_code_name(p->errors[0].code));
    cr_expect_str_eq(p->errors[0].field, field, "%s", text);
    cr_expect(p->errors[0].text[0] != '\0' && strlen(p->errors[0].text) <= 512);
    return &p->errors[0];
}

const jam_change *message_good(const char *text)
{
    const message_parsed *p = message_parse(text);
    cr_expect_eq(p->n_errors, 0, "%s: %s", text, p->errors[0].text);
    return &p->m.change;
}

char *message_repeat(const char *s, size_t n)
{
    size_t len = strlen(s);
    char *all = rf_alloc(n * len + 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(all + i * len, s, len);
    }
    return all;
}

bool message_ignores(const message_parsed *p, const char *name)
{
    const char *at = p->m.ignored.text;
    for (size_t i = 0; i < p->m.ignored.n; i++, at += strlen(at) + 1) {
        if (strcmp(at, name) == 0) {
            return true;
        }
    }
    return false;
}
