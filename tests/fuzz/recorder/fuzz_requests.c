/* The JSON body of a start, and times: what is taken is within its ranges, what is refused says
 * why and changes nothing. */
#include "recorder_request.h"
#include "recorder_text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_time(const char *text)
{
    recorder_bound bound;
    char back[RECORDER_TIME_LEN];
    int64_t again;
    if (recorder_text_bound(text, &bound) == 0 && !bound.is_frame &&
        (recorder_text_parse_time(recorder_text_time(bound.value, back), &again) < 0
             ? bound.value >= 0
             : again != bound.value)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recorder_start start;
    recorder_start before;
    recorder_error error;
    const char *field;
    char *text = rf_strndup((const char *)data, size);
    recorder_request_default(&before);
    start = before;
    if (recorder_request_read(text, "recordings", &start, &error) == RECORDER_OK) {
        if (recorder_start_check(&start, &field) < 0) {
            abort();
        }
    } else if (memcmp(&start, &before, sizeof(start)) != 0 || error.message[0] == '\0') {
        abort();
    }
    check_time(text);
    free(text);
    return 0;
}
