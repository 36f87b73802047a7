#include "rf_store_s3.h"

#include "rf_time.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BODY_MAX (8u << 20) /* a page of 1,000 long keys, encoded, is 4 MiB */
#define TEXT_MAX 8192
#define DEPTH_MAX 16
#define NAME_SIZE 64

void rf_s3_answer_init(rf_s3_answer *a)
{
    *a = (rf_s3_answer){0};
    rf_buf_init(&a->body, BODY_MAX);
}

void rf_s3_answer_done(rf_s3_answer *a)
{
    rf_buf_done(&a->body);
}

/* ---- headers ---- */

/* The value of the header of that name, without the spaces around it, "" when it is too long or
 * holds what no value may; false: it is another header. */
static bool header(const char *line, size_t len, const char *name, char *out, size_t out_size)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':') {
        return false;
    }
    const char *from = line + n + 1;
    const char *to = line + len;
    while (from < to && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (to > from && strchr(" \t\r\n", to[-1]) != NULL) {
        to--;
    }
    size_t n_value = (size_t)(to - from) < out_size ? (size_t)(to - from) : 0;
    for (size_t i = 0; i < n_value; i++) {
        n_value = (unsigned char)from[i] < ' ' ? 0 : n_value; /* it may be sent back */
    }
    memcpy(out, from, n_value);
    out[n_value] = '\0';
    return true;
}

/* 16 digits, and perhaps a "-". */
static bool is_id(const char *id)
{
    size_t n = strspn(id, "0123456789abcdef");
    return n == RF_S3_ID_DIGITS && (id[n] == '\0' || strcmp(id + n, "-") == 0);
}

static uint64_t number_of(const char *text)
{
    int64_t n = 0;
    return rf_parse_i64(text, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static int64_t http_date_ms(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char month[4] = "";
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6) {
        return 0;
    }
    const char *at = strstr(months, month);
    tm.tm_mon = at == NULL ? 0 : (int)(at - months) / 3;
    tm.tm_year -= 1900;
    return (int64_t)timegm(&tm) * 1000;
}

/* "2026-01-02T03:04:05.678Z"; parts of a second may be missing. */
static int64_t iso_date_ms(const char *text)
{
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &used) != 6) {
        return 0;
    }
    int64_t ms = 0;
    for (int i = 0, unit = 100; text[used] == '.' && i < 3; i++, unit /= 10) {
        char digit = text[used + 1 + i];
        if (digit < '0' || digit > '9') {
            break;
        }
        ms += (int64_t)(digit - '0') * unit;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000 + ms;
}

static void forget_headers(rf_s3_answer *a)
{
    a->length = 0;
    a->modified_ms = 0;
    a->retry_after_ms = 0;
    a->etag[0] = '\0';
    a->id[0] = '\0';
    a->version[0] = '\0';
}

void rf_s3_answer_header(rf_s3_answer *a, const char *line, size_t len)
{
    char value[160] = "";
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        forget_headers(a);
    } else if (header(line, len, "content-range", value, sizeof(value))) {
        const char *total = strchr(value, '/'); /* "bytes 0-9/100"; it is the one that counts */
        a->length = total != NULL ? number_of(total + 1) : 0;
    } else if (header(line, len, "content-length", value, sizeof(value))) {
        a->length = a->length == 0 ? number_of(value) : a->length;
    } else if (header(line, len, "last-modified", value, sizeof(value))) {
        a->modified_ms = http_date_ms(value);
    } else if (header(line, len, "retry-after", value, sizeof(value))) {
        a->retry_after_ms = (int64_t)RF_MIN(number_of(value), (uint64_t)3600) * 1000;
    } else if (header(line, len, "x-amz-meta-reflection", value, sizeof(value))) {
        (void)rf_copy_str(a->id, sizeof(a->id), is_id(value) ? value : "");
    } else if (!header(line, len, "etag", a->etag, sizeof(a->etag))) {
        (void)header(line, len, "x-amz-version-id", a->version, sizeof(a->version));
    }
}

/* ---- XML ---- */

typedef struct walk {
    XML_Parser parser;
    rf_s3_element_fn fn;
    void *user;
    char names[DEPTH_MAX][NAME_SIZE];
    size_t depth;
    char text[TEXT_MAX + 1];
    size_t text_len;
    int err;
} walk;

static void end_walk(walk *w, int err)
{
    w->err = err;
    XML_StopParser(w->parser, XML_FALSE);
}

static void on_begin(void *user, const XML_Char *name, const XML_Char **attributes)
{
    (void)attributes;
    walk *w = user;
    if (w->depth == DEPTH_MAX) {
        end_walk(w, -EBADMSG);
        return;
    }
    (void)rf_copy_str(w->names[w->depth++], NAME_SIZE, name);
    w->text_len = 0;
}

static void on_text(void *user, const XML_Char *text, int len)
{
    walk *w = user;
    size_t n = (size_t)len;
    if (n > TEXT_MAX - w->text_len) {
        end_walk(w, -EBADMSG);
        return;
    }
    memcpy(w->text + w->text_len, text, n);
    w->text_len += n;
}

static void on_end(void *user, const XML_Char *name)
{
    (void)name;
    walk *w = user;
    const char *own = w->names[--w->depth];
    w->text[w->text_len] = '\0';
    int err = w->fn(w->depth == 0 ? "" : w->names[w->depth - 1], own, w->text, w->user);
    w->text_len = 0;
    if (err != 0) {
        end_walk(w, err);
    }
}

/* No answer has one, and entities are how XML is made to grow. */
static void on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    end_walk(user, -EBADMSG);
}

int rf_s3_xml_read(const void *xml, size_t len, rf_s3_element_fn fn, void *user)
{
    if (len > BODY_MAX) {
        return -EBADMSG;
    }
    walk *w = RF_NEW(walk);
    w->parser = XML_ParserCreate(NULL);
    if (w->parser == NULL) {
        abort(); /* as rf_alloc does */
    }
    w->fn = fn;
    w->user = user;
    XML_SetUserData(w->parser, w);
    XML_SetElementHandler(w->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(w->parser, on_text);
    XML_SetStartDoctypeDeclHandler(w->parser, on_doctype);
    enum XML_Status status = XML_Parse(w->parser, xml, (int)len, XML_TRUE);
    int err = w->err != 0 ? w->err : (status == XML_STATUS_OK ? 0 : -EBADMSG);
    XML_ParserFree(w->parser);
    free(w);
    return err;
}

static int on_error(const char *parent, const char *name, const char *text, void *user)
{
    rf_s3_answer *a = user;
    if (strcmp(parent, "Error") == 0 && strcmp(name, "Code") == 0) {
        (void)rf_copy_str(a->code, sizeof(a->code), text);
    } else if (strcmp(parent, "Error") == 0 && strcmp(name, "Message") == 0) {
        (void)rf_copy_str(a->message, sizeof(a->message), text);
    }
    return 0;
}

void rf_s3_answer_error(rf_s3_answer *a)
{
    if (a->body.len > 0 && rf_s3_xml_read(a->body.data, a->body.len, on_error, a) < 0) {
        a->code[0] = '\0'; /* of a proxy, perhaps: the status says enough */
    }
}

/* ---- pages ---- */

static void replace(char **field, const char *text)
{
    free(*field);
    *field = rf_strdup(text);
}

typedef struct page_reader {
    rf_s3_page *page;
    rf_s3_entry open; /* whose element has not ended yet */
} page_reader;

static void entry_done(rf_s3_entry *e)
{
    free(e->key);
    free(e->upload);
    *e = (rf_s3_entry){0};
}

static void end_entry(page_reader *r)
{
    rf_s3_page *page = r->page;
    if (r->open.key == NULL) {
        entry_done(&r->open);
        return;
    }
    if ((page->n & (page->n - 1)) == 0) { /* the room is a power of two */
        page->entries = rf_grow(page->entries, RF_MAX(2 * page->n, (size_t)1), sizeof(rf_s3_entry));
    }
    page->entries[page->n++] = r->open;
    r->open = (rf_s3_entry){0};
}

static void on_entry(rf_s3_entry *e, const char *name, const char *text)
{
    if (strcmp(name, "Key") == 0) {
        replace(&e->key, text);
    } else if (strcmp(name, "UploadId") == 0) {
        replace(&e->upload, text);
    } else if (strcmp(name, "Size") == 0) {
        e->size = number_of(text);
    } else if (strcmp(name, "LastModified") == 0 || strcmp(name, "Initiated") == 0) {
        e->at_ms = iso_date_ms(text);
    }
}

static void on_list(rf_s3_page *page, const char *name, const char *text)
{
    if (strcmp(name, "IsTruncated") == 0) {
        page->is_cut = strcmp(text, "true") == 0;
    } else if (strcmp(name, "EncodingType") == 0) {
        page->is_encoded = strcmp(text, "url") == 0;
    } else if (strcmp(name, "NextContinuationToken") == 0 || strcmp(name, "NextKeyMarker") == 0) {
        replace(&page->next, text);
    } else if (strcmp(name, "NextUploadIdMarker") == 0) {
        replace(&page->next_upload, text);
    }
}

static int on_page(const char *parent, const char *name, const char *text, void *user)
{
    page_reader *r = user;
    if (strcmp(name, "Contents") == 0 || strcmp(name, "Upload") == 0) {
        end_entry(r);
    } else if (strcmp(parent, "Contents") == 0 || strcmp(parent, "Upload") == 0) {
        on_entry(&r->open, name, text);
    } else if (strcmp(parent, "ListBucketResult") == 0 ||
               strcmp(parent, "ListMultipartUploadsResult") == 0) {
        on_list(r->page, name, text);
    }
    return 0;
}

/* In a list a space is '+', and '+' is encoded. */
static void decode_listed(char *text)
{
    for (char *p = strchr(text, '+'); p != NULL; p = strchr(p, '+')) {
        *p = ' ';
    }
    rf_s3_decode(text);
}

int rf_s3_page_read(const void *xml, size_t len, rf_s3_page *ret)
{
    *ret = (rf_s3_page){0};
    page_reader r = {.page = ret};
    int err = rf_s3_xml_read(xml, len, on_page, &r);
    entry_done(&r.open);
    for (size_t i = 0; err == 0 && ret->is_encoded && i < ret->n; i++) {
        decode_listed(ret->entries[i].key);
    }
    if (err == 0 && ret->is_cut && (ret->next == NULL || ret->next[0] == '\0')) {
        err = -EBADMSG; /* the same page would come for ever */
    }
    if (err == 0 && ret->is_encoded && ret->next_upload != NULL) {
        decode_listed(ret->next); /* a key, not a token */
    }
    if (err < 0) {
        rf_s3_page_done(ret);
    }
    return err;
}

void rf_s3_page_done(rf_s3_page *page)
{
    for (size_t i = 0; i < page->n; i++) {
        entry_done(&page->entries[i]);
    }
    free(page->entries);
    free(page->next);
    free(page->next_upload);
    *page = (rf_s3_page){0};
}
