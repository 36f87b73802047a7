/*
 * client.h - a plain HTTP client for tests that must see and send every byte. One thread.
 */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENT_WAIT_MS 60000

typedef struct client {
    int fd;
    SSL *ssl; /* NULL: plain */
    SSL_CTX *ctx;
    char *data; /* read, not taken yet */
    size_t len;
    size_t cap;
} client;

typedef struct answer {
    int status; /* 0: none came */
    char head[4096];
    char *body; /* terminated */
    size_t body_len;
    size_t body_cap;
    bool cut; /* the connection ended before the body did */
} answer;

/* client_open connects to the gateway's plain or TLS port (verifying the certificate),
 * client_open_port to a plain port. */
client client_open(bool tls);
client client_open_port(int port);
void client_close(client *c);

/* client_send sends all; false when the peer has gone. */
bool client_send(client *c, const void *data, size_t len);
bool client_text(client *c, const char *text);

/* client_answer reads one answer by its length, its chunks, or with neither and "Connection: close"
 * up to the end; has_body false after HEAD. Free with answer_done. */
answer client_answer(client *c, bool has_body);
void answer_done(answer *a);

/* client_read_head reads only the head of an answer; the body stays to be read by client_read. */
answer client_read_head(client *c);
ssize_t client_read(client *c, void *data, size_t len);

/* client_ended says whether the peer ends the connection within wait_ms without sending more. */
bool client_ended(client *c, int wait_ms);

/* answer_header copies the value of a header (name with colon); false when absent. */
bool answer_header(const answer *a, const char *name, char *out, size_t out_size);

/* client_call makes one call on a new plain connection, with fix.key unless key says otherwise (""
 * for none). type NULL: no body. */
answer client_call(const char *method, const char *path, const char *key, const char *headers,
                   const char *body);

/* client_status makes it and returns the answer's status alone. */
int client_status(const char *method, const char *path, const char *key, const char *headers,
                  const char *body);

/* json_text copies the string at a top-level key of a JSON body. */
void json_text(const answer *a, const char *key, char *out, size_t out_size);

#endif
