/*
 * cli_http.h - the REST API as a client sees it: libcurl and jansson.
 * Every function prints what went wrong and what to do, and returns one of cli.h's exit codes.
 * One handle is used by one thread.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "cli.h"

#include <jansson.h>

typedef struct cli_http cli_http;

/* cli_http_new opens a connection's worth of state; server must outlive it. */
cli_http *cli_http_new(const cli_server *server);
cli_http *cli_http_free(cli_http *h);

/* cli_http_json sends method and body (NULL for none, borrowed) to /v1<path>; *ret_json is the
 * parsed answer, which the caller decrefs. */
int cli_http_json(cli_http *h, const char *method, const char *path, const json_t *body,
                  json_t **ret_json) RF_MUST_USE;

/* cli_http_escape writes text as one segment of a path; the caller frees. */
char *cli_http_escape(cli_http *h, const char *text) RF_MUST_USE;

/* cli_http_put_file uploads the file at path to a signed URL; progress goes to a bar on a terminal.
 */
int cli_http_put_file(cli_http *h, const char *url, const char *path) RF_MUST_USE;

/* cli_http_get_file downloads url to path, atomically. cli_http_get_text gives its body instead, at
 * most 64 MiB; the caller frees. */
int cli_http_get_file(cli_http *h, const char *url, const char *path) RF_MUST_USE;
int cli_http_get_text(cli_http *h, const char *url, char **ret_text) RF_MUST_USE;

/* cli_http_get_api_file downloads /v1<path> to file, atomically. */
int cli_http_get_api_file(cli_http *h, const char *path, const char *file) RF_MUST_USE;

/* cli_http_post_file posts body (borrowed) to /v1<path> and writes the bytes of the answer to file,
 * atomically. header names a header of the answer, whose value is copied to ret_value ("" without);
 * at most CLI_HTTP_VALUE_MAX bytes. */
#define CLI_HTTP_VALUE_MAX 32
int cli_http_post_file(cli_http *h, const char *path, const json_t *body, const char *file,
                       const char *header, char ret_value[CLI_HTTP_VALUE_MAX]) RF_MUST_USE;

/* cli_http_listen reads an event stream at /v1<path> up to its end, after the event last_id (""
 * for none), and gives its text to fn as it comes. *ret_status is the answer's, 0 when none came;
 * quiet: that none came, or 503, is not told. A stream that breaks off has come to its end. */
typedef void (*cli_http_text_fn)(void *user, const char *text, size_t len);
int cli_http_listen(cli_http *h, const char *path, const char *last_id, bool quiet,
                    cli_http_text_fn fn, void *user, long *ret_status) RF_MUST_USE;

/* cli_http_post posts body to url, which is none of the platform's, with these header lines;
 * *ret_status is the answer's. */
int cli_http_post(cli_http *h, const char *url, const char *const *headers, size_t n,
                  const char *body, long *ret_status) RF_MUST_USE;

/* cli_http_upload makes an upload of the file and returns its download URL; the caller frees. */
int cli_http_upload(cli_http *h, const char *path, char **ret_url) RF_MUST_USE;

#endif
