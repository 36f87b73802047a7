/* Any bytes as the answer of an S3 server: header lines up to an empty one, then a body that is
 * read as an error and as a page. What is sent back one day holds no control character; a page that
 * goes on says where; what is encoded comes back the same. */
#include "rf_store_s3.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_text(const char *text)
{
    for (; *text != '\0'; text++) {
        check((unsigned char)*text >= ' ');
    }
}

/* Takes the header lines; returns where the body begins. */
static size_t take_headers(rf_s3_answer *a, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end == NULL ? size - at : (size_t)(end - data) - at + 1;
        if (len <= 2) {
            return at + len;
        }
        rf_s3_answer_header(a, (const char *)data + at, len);
        at += len;
    }
    return at;
}

static void check_encoding(const char *text)
{
    rf_buf encoded;
    rf_buf_init(&encoded, 1 << 16);
    rf_s3_encode(&encoded, text, true);
    RF_CLEANUP(rf_cleanup_free) char *back = rf_strdup(rf_buf_str(&encoded));
    check_text(back);
    rf_s3_decode(back);
    check(rf_buf_error(&encoded) < 0 || strcmp(back, text) == 0);
    rf_buf_done(&encoded);
}

static void check_page(const uint8_t *body, size_t len)
{
    rf_s3_page page;
    int err = rf_s3_page_read(body, len, &page);
    check(err == 0 || err == -EBADMSG);
    for (size_t i = 0; i < page.n; i++) {
        check(page.entries[i].key != NULL);
        check_encoding(page.entries[i].key);
    }
    check(err < 0 || !page.is_cut || page.next[0] != '\0');
    rf_s3_page_done(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rf_s3_answer a;
    rf_s3_answer_init(&a);
    size_t at = take_headers(&a, data, size);
    check_text(a.etag);
    check_text(a.version);
    check(a.id[0] == '\0' || strspn(a.id, "0123456789abcdef") == RF_S3_ID_DIGITS);
    check(a.retry_after_ms >= 0 && a.retry_after_ms <= 3600 * 1000);
    if (rf_buf_append(&a.body, data + at, size - at) == 0) {
        rf_s3_answer_error(&a);
        check(strlen(a.code) < sizeof(a.code) && strlen(a.message) < sizeof(a.message));
    }
    check_page(data + at, size - at);
    rf_s3_answer_done(&a);
    return 0;
}
