#include "rf_webhook_sign.h"

#include "rf_crypto.h"
#include "rf_id.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PREFIX "whsec_"
#define PREFIX_LEN 6
#define KEY_MIN 24
#define KEY_MAX 64
#define KEY_MADE 32

/* ---- base64, from the URL alphabet that rf_crypto.h speaks ---- */

static void swap_alphabet(char *s, const char *from, const char *to)
{
    for (; *s != '\0'; s++) {
        *s = *s == from[0] ? to[0] : *s == from[1] ? to[1] : *s;
    }
}

/* out has room for len * 4 / 3 + 5 bytes. */
static void base64_encode(const void *data, size_t len, char *out)
{
    rf_base64url_encode(data, len, out);
    swap_alphabet(out, "-_", "+/");
    for (size_t n = strlen(out); n % 4 != 0; n++) {
        memcpy(out + n, "=", 2);
    }
}

/* Returns the length of the key of a secret, or -EINVAL. */
static int read_key(const char *secret, uint8_t key[KEY_MAX])
{
    char text[RF_WEBHOOK_SECRET_SIZE];
    if (strncmp(secret, PREFIX, PREFIX_LEN) != 0 ||
        rf_copy_str(text, sizeof(text), secret + PREFIX_LEN) < 0 || strpbrk(text, "-_") != NULL ||
        strlen(text) % 4 != 0) {
        return -EINVAL;
    }
    size_t n = strlen(text);
    for (int i = 0; i < 2 && n > 0 && text[n - 1] == '='; i++) {
        text[--n] = '\0';
    }
    swap_alphabet(text, "+/", "-_");
    int len = rf_base64url_decode(text, n, key, KEY_MAX);
    explicit_bzero(text, sizeof(text));
    return len >= KEY_MIN && len <= KEY_MAX ? len : -EINVAL;
}

/* ---- secrets ---- */

bool rf_webhook_secret_valid(const char *text)
{
    uint8_t key[KEY_MAX];
    int len = text == NULL ? -EINVAL : read_key(text, key);
    explicit_bzero(key, sizeof(key));
    return len > 0;
}

void rf_webhook_secret_make(char out[RF_WEBHOOK_SECRET_SIZE])
{
    uint8_t key[KEY_MADE];
    rf_random(key, sizeof(key));
    memcpy(out, PREFIX, PREFIX_LEN);
    base64_encode(key, sizeof(key), out + PREFIX_LEN);
    explicit_bzero(key, sizeof(key));
}

/* ---- signatures ---- */

static int sign_one(const char *secret, const rf_buf *message, rf_buf *out)
{
    uint8_t key[KEY_MAX];
    uint8_t mac[RF_SHA256_LEN];
    char text[RF_SHA256_LEN * 4 / 3 + 5];
    int len = read_key(secret, key);
    if (len < 0) {
        return len;
    }
    rf_hmac_sha256(key, (size_t)len, message->data, message->len, mac);
    explicit_bzero(key, sizeof(key));
    base64_encode(mac, sizeof(mac), text);
    return rf_buf_printf(out, "%sv1,%s", out->len == 0 ? "" : " ", text);
}

int rf_webhook_sign(const rf_webhook_secrets *secrets, const char *id, int64_t timestamp_s,
                    const void *body, size_t len, rf_buf *out)
{
    rf_buf message;
    rf_buf value;
    rf_buf_init(&message, strlen(id) + 32 + len);
    rf_buf_init(&value, RF_WEBHOOK_MAX_SECRETS * 64);
    rf_buf_printf(&message, "%s.%" PRId64 ".", id, timestamp_s);
    int err = rf_buf_append(&message, body, len);
    err = err == 0 && secrets->n == 0 ? -EINVAL : err;
    for (size_t i = 0; err == 0 && i < secrets->n; i++) {
        err = sign_one(secrets->text[i], &message, &value);
    }
    err = err == 0 ? rf_buf_append(out, value.data, value.len) : err;
    rf_buf_done(&message);
    rf_buf_done(&value);
    return err;
}
