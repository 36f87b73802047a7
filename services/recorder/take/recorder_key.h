/*
 * recorder_key.h - store keys: {prefix}/{parts}/{32 hex digits}.{ext} (K1, K2).
 * Pure, any thread. What is given may hold any bytes, NUL too.
 */
#ifndef RECORDER_KEY_H
#define RECORDER_KEY_H

#include "recorder_code.h"

#define RECORDER_KEY_MAX 1024 /* bytes of a whole key */
#define RECORDER_KEY_SIZE (RECORDER_KEY_MAX + 1)
#define RECORDER_KEY_PARTS_MAX 16
#define RECORDER_KEY_PART_MAX 128  /* bytes */
#define RECORDER_KEY_PREFIX_MAX 50 /* characters */
#define RECORDER_KEY_PREFIX_SIZE (4 * RECORDER_KEY_PREFIX_MAX + 1)
#define RECORDER_KEY_ID_LEN 16
#define RECORDER_KEY_DEFAULT_PREFIX "recordings"

/* What a session is stored as. The numbers are those on disk. */
typedef enum recorder_store_format {
    RECORDER_STORE_WAV = 0,
    RECORDER_STORE_PCM,
    RECORDER_STORE_FLAC,
    RECORDER_STORE_MP3,
    RECORDER_STORE_OPUS,
    RECORDER_N_STORE_FORMATS,
} recorder_store_format;

/* recorder_store_format_name gives the name, which is the extension too; parse reads it back,
 * -EINVAL. */
const char *recorder_store_format_name(recorder_store_format format);
int recorder_store_format_parse(const char *name, recorder_store_format *ret) RF_MUST_USE;

typedef struct recorder_bytes {
    const char *data;
    size_t len;
} recorder_bytes;

/* Why a key was refused; text names the part and the limit, for the caller to read. */
typedef struct recorder_key_error {
    recorder_code code; /* INVALID_KEY_PART or INVALID_ARGUMENT */
    char text[160];
} recorder_key_error;

/* recorder_key_folder makes "{prefix}/{parts}" of the tenant's prefix and the prefixes given to
 * start(), each split at "/" and empty parts dropped. Returns its length; -EINVAL with *error.
 * The folder leaves room for every file name below RECORDER_KEY_MAX. */
int recorder_key_folder(const char *prefix, const recorder_bytes *given, size_t n_given,
                        char ret[RECORDER_KEY_SIZE], recorder_key_error *error);

/* recorder_key_of makes a segment's key. id is the random UUID. */
void recorder_key_of(const char *folder, const uint8_t id[RECORDER_KEY_ID_LEN],
                     recorder_store_format format, char ret[RECORDER_KEY_SIZE]);

/* recorder_key_part_valid: 1..128 bytes by the rule of K2. */
bool recorder_key_part_valid(const char *part, size_t len);

/* recorder_key_valid: a whole key as recorder_key_of makes it, of any prefix. folder_valid: the
 * same without the last component. */
bool recorder_key_valid(const char *key, size_t len);
bool recorder_key_folder_valid(const char *folder, size_t len);

#endif
