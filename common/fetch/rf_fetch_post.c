#include "rf_fetch_post.h"

#include "rf_fetch_internal.h"
#include "rf_time.h"

#include <errno.h>

typedef struct post {
    rf_fetch_poster *poster;
    rf_fetch_call call;
    rf_fetch_request request;
    rf_fetch_result result;
    struct curl_slist *headers;
    rf_fetch_posted_fn fn;
    void *user;
    struct post *previous;
    struct post *next;
} post;

struct rf_fetch_poster {
    const rf_fetch *fetch;
    CURLM *multi;
    post *running; /* handed to multi */
    post *refused; /* ended before they began */
};

rf_fetch_poster *rf_fetch_poster_new(const rf_fetch *f)
{
    rf_fetch_poster *p = RF_NEW(rf_fetch_poster);
    *p = (rf_fetch_poster){.fetch = f, .multi = curl_multi_init()};
    if (p->multi == NULL) {
        abort(); /* as rf_alloc does for small needs */
    }
    return p;
}

/* ---- lists ---- */

static void link_to(post **list, post *x)
{
    x->next = *list;
    if (x->next != NULL) {
        x->next->previous = x;
    }
    *list = x;
}

static void unlink_from(post **list, post *x)
{
    if (x->previous != NULL) {
        x->previous->next = x->next;
    } else {
        *list = x->next;
    }
    if (x->next != NULL) {
        x->next->previous = x->previous;
    }
}

/* Tells the outcome and frees; x is in no list and not in multi any more. */
static void finish(post *x)
{
    curl_off_t retry_after_s = 0;
    if (x->request.easy != NULL) {
        curl_easy_getinfo(x->request.easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        curl_easy_cleanup(x->request.easy);
    }
    curl_slist_free_all(x->headers);
    x->fn(&x->result, retry_after_s, x->user);
    free(x);
}

/* ---- one request ---- */

static void add_header(post *x, const char *line)
{
    struct curl_slist *list = curl_slist_append(x->headers, line);
    if (list == NULL) {
        abort();
    }
    x->headers = list;
}

static void set_post(post *x, const rf_fetch_post *p)
{
    CURL *e = x->request.easy;
    add_header(x, "Expect:");
    for (size_t i = 0; i < p->n_headers; i++) {
        add_header(x, p->headers[i]);
    }
    rf_fetch_request_guard(&x->request, p->url);
    rf_fetch_request_limits(&x->request);
    rf_fetch_request_http(&x->request, x->headers);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, p->body);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body_len);
    curl_easy_setopt(e, CURLOPT_PRIVATE, (void *)x);
}

static bool begin(post *x, const rf_fetch_post *p)
{
    const char *why = rf_fetch_guard_url(&x->poster->fetch->guard, p->url);
    if (why != NULL) {
        rf_fetch_count_blocked(p->kind, why);
        rf_fetch_end(&x->result, RF_FETCH_UNREACHABLE, -EACCES, why);
        x->result.blocked = true;
        return false;
    }
    x->request.easy = curl_easy_init();
    if (x->request.easy == NULL) {
        rf_fetch_end(&x->result, RF_FETCH_LOCAL, -ENOMEM, "out of memory");
        return false;
    }
    x->result.n_tries = 1;
    set_post(x, p);
    if (curl_multi_add_handle(x->poster->multi, x->request.easy) != CURLM_OK) {
        rf_fetch_end(&x->result, RF_FETCH_LOCAL, -ENOMEM, "out of memory");
        return false;
    }
    return true;
}

void rf_fetch_poster_add(rf_fetch_poster *p, const rf_fetch_post *what, rf_fetch_posted_fn fn,
                         void *user)
{
    post *x = RF_NEW(post);
    *x = (post){.poster = p, .fn = fn, .user = user};
    x->call = (rf_fetch_call){.fetch = p->fetch, .kind = what->kind, .cancel_fd = -1};
    x->call.until_ns = rf_time_ns() + what->timeout_ms * RF_NS_PER_MS;
    x->call.result = &x->result;
    x->request.call = &x->call;
    link_to(begin(x, what) ? &p->running : &p->refused, x);
}

/* ---- running ---- */

static void end_running(rf_fetch_poster *p, CURL *easy, CURLcode code)
{
    post *x = NULL;
    char *location = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
    rf_fetch_request_judge(&x->request, code, &location);
    free(location); /* never followed */
    curl_multi_remove_handle(p->multi, easy);
    unlink_from(&p->running, x);
    finish(x);
}

static size_t end_refused(rf_fetch_poster *p)
{
    size_t n = 0;
    for (; p->refused != NULL; n++) {
        post *x = p->refused;
        unlink_from(&p->refused, x);
        finish(x);
    }
    return n;
}

/* Moves all on and ends those that are over; returns their number. */
static size_t advance(rf_fetch_poster *p)
{
    int running = 0;
    int left = 0;
    size_t n = 0;
    curl_multi_perform(p->multi, &running);
    for (const CURLMsg *m = curl_multi_info_read(p->multi, &left); m != NULL;
         m = curl_multi_info_read(p->multi, &left)) {
        if (m->msg == CURLMSG_DONE) {
            end_running(p, m->easy_handle, m->data.result);
            n++;
        }
    }
    return n + end_refused(p);
}

void rf_fetch_poster_run(rf_fetch_poster *p, int64_t wait_ms)
{
    if (advance(p) == 0) { /* what ended at once must not wait for the rest */
        curl_multi_poll(p->multi, NULL, 0, (int)wait_ms, NULL);
        advance(p);
    }
}

void rf_fetch_poster_wake(rf_fetch_poster *p)
{
    curl_multi_wakeup(p->multi);
}

void rf_fetch_poster_cancel(rf_fetch_poster *p)
{
    while (p->running != NULL) {
        post *x = p->running;
        curl_multi_remove_handle(p->multi, x->request.easy);
        unlink_from(&p->running, x);
        rf_fetch_end(&x->result, RF_FETCH_CANCELLED, -ECANCELED, "cancelled");
        finish(x);
    }
    end_refused(p);
}

rf_fetch_poster *rf_fetch_poster_free(rf_fetch_poster *p)
{
    if (p != NULL) {
        rf_fetch_poster_cancel(p);
        curl_multi_cleanup(p->multi);
        free(p);
    }
    return NULL;
}
