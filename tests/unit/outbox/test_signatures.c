/* Secrets and signatures of Standard Webhooks; receiver.py checks the same with code not ours. */
#include "receiver.h"
#include "rf_webhook_sign.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static int sign(const rf_webhook_secrets *secrets, rf_buf *out)
{
    rf_buf_init(out, 4096);
    return rf_webhook_sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                           "{\"test\": 2432232314}", 20, out);
}

/* W1: The example of the specification. */
Test(signatures, are_those_of_the_standard)
{
    rf_buf out;
    rf_webhook_secrets s = {.text = {RECEIVER_SECRET_1}, .n = 1};
    cr_assert_eq(sign(&s, &out), 0);
    cr_assert_str_eq(rf_buf_str(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    rf_buf_done(&out);
}

Test(signatures, of_every_secret_while_one_is_replaced)
{
    rf_buf out;
    rf_webhook_secrets s = {.text = {RECEIVER_SECRET_2, RECEIVER_SECRET_1}, .n = 2};
    cr_assert_eq(sign(&s, &out), 0);
    const char *second = strchr(rf_buf_str(&out), ' ');
    cr_assert_eq(strncmp(rf_buf_str(&out), "v1,", 3), 0);
    cr_assert_str_eq(second, " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    rf_buf_done(&out);
}

Test(signatures, need_a_good_secret)
{
    static const struct {
        const char *text;
        bool valid;
    } table[] = {
        {RECEIVER_SECRET_1, true},
        {RECEIVER_SECRET_2, true},
        {NULL, false},
        {"", false},
        {"whsec_", false},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false},
        {"WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa", false},   /* 22.5 bytes */
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La", false},     /* 21 bytes */
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", false}, /* the URL alphabet */
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa w", false},
        {"whsec_"
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
         true}, /* 64 bytes */
        {"whsec_"
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
         false}, /* 65 bytes */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_buf out;
        rf_webhook_secrets s = {.n = 1};
        cr_assert_eq(rf_webhook_secret_valid(table[i].text), table[i].valid, "row %zu", i);
        rf_copy_str(s.text[0], sizeof(s.text[0]), table[i].text == NULL ? "" : table[i].text);
        cr_assert_eq(sign(&s, &out), table[i].valid ? 0 : -EINVAL, "row %zu", i);
        cr_assert(table[i].valid || out.len == 0);
        rf_buf_done(&out);
    }
    rf_buf none;
    rf_webhook_secrets s = {.n = 0};
    cr_assert_eq(sign(&s, &none), -EINVAL);
    rf_buf_done(&none);
}

/* W1 */
Test(signatures, new_secrets_are_good_and_differ)
{
    char a[RF_WEBHOOK_SECRET_SIZE], b[RF_WEBHOOK_SECRET_SIZE];
    rf_webhook_secret_make(a);
    rf_webhook_secret_make(b);
    cr_assert(rf_webhook_secret_valid(a) && rf_webhook_secret_valid(b));
    cr_assert_str_neq(a, b);
}
