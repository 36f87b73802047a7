/* Prefixes that a caller gives: refused with a text, or a key strictly below the tenant's root. */
#include "recorder_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t id[RECORDER_KEY_ID_LEN] = {1, 2, 3};
    char folder[RECORDER_KEY_SIZE];
    char key[RECORDER_KEY_SIZE];
    recorder_key_error error = {0};
    size_t half = size / 2;
    recorder_bytes given[2] = {{(const char *)data, half},
                               {(const char *)data + half, size - half}};
    (void)recorder_key_valid((const char *)data, size);
    int r = recorder_key_folder("recordings", given, 2, folder, &error);
    if (r < 0) {
        expect(error.text[0] != '\0' && error.code == RECORDER_INVALID_KEY_PART);
        return 0;
    }
    recorder_key_of(folder, id, RECORDER_STORE_FLAC, key);
    expect(strlen(folder) == (size_t)r && strncmp(key, "recordings/", 11) == 0);
    expect(strstr(key, "/.") == NULL && strstr(key, "//") == NULL);
    expect(recorder_key_valid(key, strlen(key)) && rf_utf8_valid(key, strlen(key)));
    return 0;
}
