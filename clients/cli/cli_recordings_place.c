#include "cli_recordings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_MAX 2678400.0 /* 31 days */

/* [[hours:]minutes:]seconds; those behind a colon are below 60. */
static int read_seconds(const char *text, double *ret)
{
    double whole = 0;
    int n = 0;
    for (const char *colon; (colon = strchr(text, ':')) != NULL; text = colon + 1, n++) {
        int64_t part;
        RF_CLEANUP(rf_cleanup_free) char *word = rf_strndup(text, (size_t)(colon - text));
        if (n == 2 || rf_parse_i64(word, &part) < 0 || part < 0 || part > 1000 ||
            (n > 0 && part > 59)) {
            return -EINVAL;
        }
        whole = (whole + (double)part) * 60;
    }
    double last;
    if (rf_parse_f64(text, &last) < 0 || !(last >= 0) || (n > 0 && last >= 60)) {
        return -EINVAL;
    }
    *ret = whole + last;
    return *ret <= SECONDS_MAX ? 0 : -EINVAL;
}

int cli_recordings_place(const char *text, uint32_t rate_hz, char ret[CLI_PLACE_SIZE])
{
    double seconds;
    const bool is_frame = strncmp(text, "f:", 2) == 0;
    const bool is_time = strchr(text, 'T') != NULL;
    if (is_frame || is_time) {
        const char *allowed = is_frame ? "f:0123456789" : "0123456789-T:.Zz+";
        return strspn(text, allowed) == strlen(text) ? rf_copy_str(ret, CLI_PLACE_SIZE, text)
                                                     : -EINVAL;
    }
    int err = read_seconds(text, &seconds);
    if (err == 0) {
        (void)snprintf(ret, CLI_PLACE_SIZE, "f:%lld", (long long)llround(seconds * rate_hz));
    }
    return err;
}
