/*
 * rf_fetch.h - the one guarded HTTP client: nothing else connects to an address that a user gave
 * (spec jobs.md section 9, S1 to S6).
 *
 * Only http and https, ports of a list, no user info, URLs of at most RF_FETCH_MAX_URL bytes. The
 * address is checked where the socket is made, so what was checked is what is connected to, for
 * every address tried and each redirect. No proxy, netrc, cookie or connection outlives or enters a
 * call: settings decide, not the environment.
 *
 * Threads: an rf_fetch is read-only after rf_fetch_new and may be used by any number of threads;
 * rf_fetch_get and rf_fetch_put block the caller until the end, a limit, or cancel_fd.
 */
#ifndef RF_FETCH_H
#define RF_FETCH_H

#include "rf_base.h"

#include <sys/types.h>

#define RF_FETCH_MAX_URL 2048 /* bytes */
#define RF_FETCH_DETAIL_MAX 160

typedef struct rf_fetch rf_fetch;

/* Zero members take the default in brackets. Everything is copied by rf_fetch_new. */
typedef struct rf_fetch_config {
    uint64_t max_bytes;          /* of one body read [1 GiB] */
    int64_t connect_timeout_ms;  /* name lookup, TCP and TLS together [5,000] */
    int64_t total_timeout_ms;    /* of one call, all tries and redirects [600,000] */
    int64_t low_speed_bytes_s;   /* slower than this ... [10,240 B/s] */
    int64_t low_speed_ms;        /* ... over this long ends a try [30,000] */
    int64_t retry_delay_ms;      /* before the 2nd try; each later one waits 4 times that [1,000] */
    unsigned max_tries;          /* [3] */
    unsigned max_redirects;      /* of a GET; a PUT follows none [3] */
    const uint16_t *ports;       /* [80, 443, 8080, 8443] */
    size_t n_ports;              /* */
    const char *const *deny;     /* further ranges, "10.1.0.0/16", "2a00::/32" (fetch.deny) */
    size_t n_deny;               /* */
    const char *const *override; /* "URL=/file": a GET of exactly URL reads the file */
    size_t n_override;           /* */
    const char *const *hosts;    /* "name:port:address[,address]": answers instead of DNS; the
                                    addresses are checked like any other */
    size_t n_hosts;              /* */
    bool allow_loopback;         /* opens 127.0.0.0/8 and ::1, on any port */
    bool nat64;                  /* admits 64:ff9b::/96 when the IPv4 address inside is admitted */
    const char *ca_file;         /* PEM; NULL: the system's */
} rf_fetch_config;

/* Label of reflection_fetch_blocked_total{kind}. */
typedef enum rf_fetch_kind { RF_FETCH_INPUT, RF_FETCH_COPY, RF_FETCH_WEBHOOK } rf_fetch_kind;

/* One value for each message of spec jobs.md section 7. */
typedef enum rf_fetch_outcome {
    RF_FETCH_OK,
    RF_FETCH_UNREACHABLE, /* no answer, name unknown, blocked, too slow, bad URL: one text */
    RF_FETCH_REFUSED,     /* final answer 4xx, or a 3xx that is not followed: see http_status */
    RF_FETCH_FAILED,      /* final answer 5xx (or 429): see http_status */
    RF_FETCH_TOO_LARGE,   /* declared or received length above the limit */
    RF_FETCH_LOCAL,       /* sink, source or override file failed: see err */
    RF_FETCH_CANCELLED,   /* cancel_fd became readable */
} rf_fetch_outcome;

typedef struct rf_fetch_result {
    rf_fetch_outcome outcome;
    int http_status;                  /* of the last answer, 0 for none */
    int err;                          /* negative errno that belongs to outcome, 0 for OK */
    bool blocked;                     /* UNREACHABLE because a rule forbids it */
    unsigned n_tries;                 /* */
    uint64_t n_bytes;                 /* of the body moved by the last try */
    char detail[RF_FETCH_DETAIL_MAX]; /* for operators' logs; no URL, address or body in it */
} rf_fetch_result;

/* Where a GET goes. begin is called before the first byte of every try: forget what earlier tries
 * wrote. Both return 0 or a negative errno, which ends the call (RF_FETCH_LOCAL). */
typedef struct rf_fetch_sink {
    int (*begin)(void *user);
    int (*write)(void *user, const void *data, size_t len);
    void *user;
} rf_fetch_sink;

/* Where a PUT comes from: size bytes; read gives up to len of them at offset, or a negative errno.
 */
typedef struct rf_fetch_source {
    uint64_t size;
    ssize_t (*read)(void *user, uint64_t offset, void *data, size_t len);
    void *user;
} rf_fetch_source;

/* rf_fetch_new checks and copies the settings. Returns 0 or -EINVAL: a range, override or host that
 * cannot be read; *ret_why (may be NULL) is then that text. */
int rf_fetch_new(const rf_fetch_config *config, rf_fetch **ret, const char **ret_why) RF_MUST_USE;
rf_fetch *rf_fetch_free(rf_fetch *f);

/* rf_fetch_get reads url into sink. max_bytes above 0 lowers the limit of the settings. cancel_fd
 * (-1: none) ends the call when it becomes readable; it is not read. Returns result->err. */
int rf_fetch_get(const rf_fetch *f, rf_fetch_kind kind, const char *url, uint64_t max_bytes,
                 const rf_fetch_sink *sink, int cancel_fd, rf_fetch_result *result);

/* rf_fetch_put writes source to url with Content-Length; any 2xx is success. */
int rf_fetch_put(const rf_fetch *f, rf_fetch_kind kind, const char *url,
                 const rf_fetch_source *source, int cancel_fd, rf_fetch_result *result);

/* rf_fetch_fd_sink and rf_fetch_fd_source use an open regular file from its beginning. *fd must
 * live as long as the call. */
rf_fetch_sink rf_fetch_fd_sink(int *fd);
int rf_fetch_fd_source(int *fd, rf_fetch_source *ret);

/* rf_fetch_url_form checks only the form, for requests that name a URL: http or https, a host, no
 * user info, at most RF_FETCH_MAX_URL bytes. Returns 0 or -EINVAL with *ret_why (may be NULL), a
 * static text such as "is longer than 2048 bytes". */
int rf_fetch_url_form(const char *url, const char **ret_why);

#endif
