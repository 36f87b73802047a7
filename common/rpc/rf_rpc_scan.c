#include "rf_rpc_scan.h"

#include <errno.h>
#include <string.h>

char rf_rpc_scan_peek(rf_rpc_scan *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
    return s->at < s->end ? *s->at : '\0';
}

bool rf_rpc_scan_take(rf_rpc_scan *s, char c)
{
    if (rf_rpc_scan_peek(s) != c || s->at == s->end) {
        return false;
    }
    s->at++;
    return true;
}

bool rf_rpc_scan_word(rf_rpc_scan *s, const char *word)
{
    size_t len = strlen(word);
    (void)rf_rpc_scan_peek(s);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

static int hex4(const char *at, const char *end, uint32_t *ret)
{
    uint32_t value = 0;
    if (end - at < 4) {
        return -EBADMSG;
    }
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) {
            return -EBADMSG;
        }
        value = value << 4 | digit;
    }
    *ret = value;
    return 0;
}

static void put_utf8(rf_buf *out, uint32_t c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    (void)rf_buf_append(out, b, n);
}

/* The four digits after \u, and the second half of a surrogate pair. at is behind the u. */
static int scan_unicode(const char **at, const char *end, rf_buf *out)
{
    uint32_t c;
    uint32_t low;
    if (hex4(*at, end, &c) != 0) {
        return -EBADMSG;
    }
    *at += 4;
    if (c >= 0xdc00 && c <= 0xdfff) {
        return -EILSEQ;
    }
    if (c >= 0xd800 && c <= 0xdbff) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || hex4(*at + 2, end, &low) != 0 ||
            low < 0xdc00 || low > 0xdfff) {
            return -EILSEQ;
        }
        *at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, c);
    return 0;
}

/* One escape; at is behind the backslash. */
static int scan_escape(const char **at, const char *end, rf_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (*at == end) {
        return -EBADMSG;
    }
    char c = *(*at)++;
    if (c == 'u') {
        return scan_unicode(at, end, out);
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL) {
        return -EBADMSG;
    }
    (void)rf_buf_append_char(out, to[found - from]);
    return 0;
}

int rf_rpc_scan_string(rf_rpc_scan *s, rf_buf *out)
{
    if (rf_rpc_scan_peek(s) != '"') {
        return -EBADMSG;
    }
    const char *at = s->at + 1;
    while (at < s->end && *at != '"') {
        const char *plain = at;
        while (at < s->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20) {
            at++;
        }
        if (!rf_utf8_valid(plain, (size_t)(at - plain))) {
            return -EILSEQ;
        }
        (void)rf_buf_append(out, plain, (size_t)(at - plain));
        if (at < s->end && (unsigned char)*at < 0x20) {
            return -EBADMSG;
        }
        if (at < s->end && *at == '\\') {
            at++;
            int err = scan_escape(&at, s->end, out);
            if (err != 0) {
                return err;
            }
        }
    }
    if (at == s->end) {
        return -EBADMSG;
    }
    s->at = at + 1;
    return rf_buf_error(out);
}

static const char *digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

int rf_rpc_scan_number(rf_rpc_scan *s, const char **ret, size_t *ret_len)
{
    (void)rf_rpc_scan_peek(s);
    const char *at = s->at;
    at += at < s->end && *at == '-' ? 1 : 0;
    const char *whole = at;
    at = digits(at, s->end);
    if (at == whole || (*whole == '0' && at - whole > 1)) {
        return -EBADMSG;
    }
    if (at < s->end && *at == '.') {
        const char *fraction = ++at;
        at = digits(at, s->end);
        if (at == fraction) {
            return -EBADMSG;
        }
    }
    if (at < s->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < s->end && (*at == '+' || *at == '-') ? 1 : 0;
        const char *exponent = at;
        at = digits(at, s->end);
        if (at == exponent) {
            return -EBADMSG;
        }
    }
    *ret = s->at;
    *ret_len = (size_t)(at - s->at);
    s->at = at;
    return 0;
}

static bool is_number(const char *text)
{
    rf_rpc_scan s = {text, text + strlen(text)};
    const char *number;
    size_t len;
    bool begins = *text == '-' || (*text >= '0' && *text <= '9'); /* no white space */
    return begins && rf_rpc_scan_number(&s, &number, &len) == 0 && s.at == s.end;
}

/* Writes the digits of whole and fraction with the point moved by exponent; the digits behind the
 * point must be zeros. */
static int put_digits(const char *text, int64_t exponent, char *out, size_t room)
{
    size_t n = 0;
    bool leads = true; /* zeros at the front are nothing */
    const char *at = text;
    int64_t left = (int64_t)strspn(text, "0123456789") + exponent; /* digits before the point */
    for (; *at != '\0' && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            continue;
        }
        left--;
        leads = leads && *at == '0';
        if (left < 0 && *at != '0') {
            return -EINVAL;
        }
        if (left >= 0 && !leads) {
            if (n + 1 >= room) {
                return -ERANGE;
            }
            out[n++] = *at;
        }
    }
    if (leads) {
        out[n++] = '0';
    } else if (left > (int64_t)(room - n) - 1) {
        return -ERANGE;
    }
    while (!leads && left-- > 0) {
        out[n++] = '0';
    }
    out[n] = '\0';
    return 0;
}

int rf_rpc_whole_number(const char *text, char out[RF_RPC_WHOLE_MAX])
{
    int64_t exponent = 0;
    if (!is_number(text)) {
        return -EBADMSG;
    }
    size_t sign = *text == '-' ? 1 : 0;
    const char *e = strpbrk(text, "eE");
    if (e != NULL && rf_parse_i64(e[1] == '+' ? e + 2 : e + 1, &exponent) != 0) {
        exponent = e[1] == '-' ? -INT32_MAX : INT32_MAX;
    }
    exponent = RF_MAX(RF_MIN(exponent, (int64_t)INT32_MAX), (int64_t)-INT32_MAX);
    out[0] = '-';
    int err = put_digits(text + sign, exponent, out + sign, RF_RPC_WHOLE_MAX - sign);
    if (err == 0 && strcmp(out, "-0") == 0) {
        memcpy(out, "0", 2);
    }
    return err;
}

static int skip_value(rf_rpc_scan *s, size_t depth, rf_buf *scratch);

static int skip_string(rf_rpc_scan *s, rf_buf *scratch)
{
    rf_buf_clear(scratch);
    return rf_rpc_scan_string(s, scratch);
}

/* The members of an object (is_object) or the elements of an array, after the bracket. */
static int skip_list(rf_rpc_scan *s, size_t depth, bool is_object, rf_buf *scratch)
{
    char close = is_object ? '}' : ']';
    if (depth == 0) {
        return -E2BIG;
    }
    if (rf_rpc_scan_take(s, close)) {
        return 0;
    }
    do {
        int err = is_object ? skip_string(s, scratch) : 0;
        if (err == 0 && is_object && !rf_rpc_scan_take(s, ':')) {
            err = -EBADMSG;
        }
        err = err == 0 ? skip_value(s, depth - 1, scratch) : err;
        if (err != 0) {
            return err;
        }
    } while (rf_rpc_scan_take(s, ','));
    return rf_rpc_scan_take(s, close) ? 0 : -EBADMSG;
}

static int skip_value(rf_rpc_scan *s, size_t depth, rf_buf *scratch)
{
    const char *number;
    size_t len;
    switch (rf_rpc_scan_peek(s)) {
    case '{':
        s->at++;
        return skip_list(s, depth, true, scratch);
    case '[':
        s->at++;
        return skip_list(s, depth, false, scratch);
    case '"':
        return skip_string(s, scratch);
    case 't':
        return rf_rpc_scan_word(s, "true") ? 0 : -EBADMSG;
    case 'f':
        return rf_rpc_scan_word(s, "false") ? 0 : -EBADMSG;
    case 'n':
        return rf_rpc_scan_word(s, "null") ? 0 : -EBADMSG;
    default:
        return rf_rpc_scan_number(s, &number, &len);
    }
}

int rf_rpc_scan_skip(rf_rpc_scan *s, size_t depth, const char **ret, size_t *ret_len)
{
    rf_buf scratch;
    (void)rf_rpc_scan_peek(s);
    rf_rpc_scan copy = *s;
    rf_buf_init(&scratch, (size_t)(s->end - s->at) + 1);
    int err = skip_value(&copy, depth, &scratch);
    rf_buf_done(&scratch);
    if (err == 0) {
        *ret = s->at;
        *ret_len = (size_t)(copy.at - s->at);
        s->at = copy.at;
    }
    return err;
}
