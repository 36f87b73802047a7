#include "recorder_text.h"

#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_MAX 2261 /* UTC ns in 63 bits */

char *recorder_text_id(const uint8_t id[RECORDER_ID_LEN], char ret[RECORDER_ID_TEXT])
{
    rf_hex(id, RECORDER_ID_LEN, ret);
    return ret;
}

int recorder_text_parse_id(const char *text, uint8_t ret[RECORDER_ID_LEN])
{
    bool ok = strlen(text) == RECORDER_ID_TEXT - 1 && strspn(text, "0123456789abcdef") == 32;
    return ok && rf_unhex(text, ret, RECORDER_ID_LEN) == 0 ? 0 : -EINVAL;
}

char *recorder_text_time(int64_t utc_ns, char ret[RECORDER_TIME_LEN])
{
    struct tm tm;
    int64_t ns = utc_ns % RF_NS_PER_S;
    ns += ns < 0 ? RF_NS_PER_S : 0;
    time_t s = (time_t)((utc_ns - ns) / RF_NS_PER_S);
    gmtime_r(&s, &tm);
    size_t len = strftime(ret, RECORDER_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(ret + len, RECORDER_TIME_LEN - len, ".%09ldZ", (long)ns);
    return ret;
}

/* Reads exactly n digits. */
static bool digits(const char **at, int n, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *ret = value;
    return true;
}

static bool literal(const char **at, char c)
{
    bool is = **at == c;
    *at += is;
    return is;
}

static bool date(const char **at, struct tm *tm)
{
    bool ok = digits(at, 4, &tm->tm_year) && literal(at, '-') && digits(at, 2, &tm->tm_mon) &&
              literal(at, '-') && digits(at, 2, &tm->tm_mday) &&
              (literal(at, 'T') || literal(at, 't')) && digits(at, 2, &tm->tm_hour) &&
              literal(at, ':') && digits(at, 2, &tm->tm_min) && literal(at, ':') &&
              digits(at, 2, &tm->tm_sec);
    return ok && tm->tm_year >= 1970 && tm->tm_year <= YEAR_MAX && tm->tm_mon >= 1 &&
           tm->tm_mon <= 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour <= 23 &&
           tm->tm_min <= 59 && tm->tm_sec <= 60;
}

static bool fraction(const char **at, int64_t *ret_ns)
{
    int64_t unit = RF_NS_PER_S / 10;
    *ret_ns = 0;
    if (!literal(at, '.')) {
        return true;
    }
    bool some = false;
    for (; **at >= '0' && **at <= '9' && unit > 0; (*at)++, unit /= 10) {
        *ret_ns += (**at - '0') * unit;
        some = true;
    }
    return some;
}

static bool zone(const char **at, int64_t *ret_s)
{
    int hours;
    int minutes;
    *ret_s = 0;
    if (literal(at, 'Z') || literal(at, 'z')) {
        return true;
    }
    int64_t sign = **at == '-' ? -1 : 1;
    if (!literal(at, '+') && !literal(at, '-')) {
        return false;
    }
    bool ok = digits(at, 2, &hours) && literal(at, ':') && digits(at, 2, &minutes) && hours <= 23 &&
              minutes <= 59;
    *ret_s = ok ? sign * (hours * 3600 + minutes * 60) : 0;
    return ok;
}

int recorder_text_parse_time(const char *text, int64_t *ret_utc_ns)
{
    struct tm tm = {0};
    int64_t ns;
    int64_t zone_s;
    if (!date(&text, &tm) || !fraction(&text, &ns) || !zone(&text, &zone_s) || *text != '\0') {
        return -EINVAL;
    }
    int mday = tm.tm_mday;
    bool leap = tm.tm_sec == 60; /* may be on the next day */
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t s = (int64_t)timegm(&tm);
    if (tm.tm_mday != mday && !leap) { /* 31 February */
        return -EINVAL;
    }
    *ret_utc_ns = (s - zone_s) * RF_NS_PER_S + ns;
    return 0;
}

int recorder_text_bound(const char *text, recorder_bound *ret)
{
    recorder_bound bound = {.is_frame = strncmp(text, "f:", 2) == 0};
    int err = bound.is_frame ? rf_parse_i64(text + 2, &bound.value)
                             : recorder_text_parse_time(text, &bound.value);
    if (err < 0 || (bound.is_frame && bound.value < 0)) {
        return -EINVAL;
    }
    *ret = bound;
    return 0;
}
