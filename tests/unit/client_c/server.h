/*
 * server.h - a scripted WebSocket server for the tests of libreflection: one thread that follows a
 * script, well-behaved or hostile, byte by byte where it must be.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct server server;

/* What the script does; it ends when it returns, and its connection with it. */
typedef void (*server_script)(server *s);

/* server_start listens on a free port of 127.0.0.1. user is for the script, see server_user. */
server *server_start(server_script script, void *user);
/* The same over TLS, with a certificate of its own for name ("127.0.0.1": the address). */
server *server_start_tls(server_script script, void *user, const char *name);

/* server_stop waits for the script and frees. Returns NULL. */
server *server_stop(server *s);

/* server_join waits until the script has ended by itself; what it noted can be read then. */
void server_join(server *s);

const char *server_url(const server *s);     /* ws:// or wss:// with the port */
const char *server_ca_file(const server *s); /* PEM that signs the certificate */
void *server_user(const server *s);

/* ---- for scripts ---- */

/* server_accept takes the next connection (and drops the one before); false when server_stop
 * was called or TLS failed. */
bool server_accept(server *s);

/* server_idle neither reads nor writes until server_stop. */
void server_idle(server *s);

/* server_read_head reads the request up to its empty line; lent. NULL at the end. */
const char *server_read_head(server *s);

/* server_upgrade is accept, read_head and a correct 101. Returns the head, or NULL. */
const char *server_upgrade(server *s);

/* server_begin is upgrade, reading `start` and sending a good `started` with this overlap. Returns
 * the start message, lent until the next read, or NULL. */
const char *server_begin(server *s, unsigned overlap);

/* server_read gives the payload of the client's next text message, lent; NULL at the end. Pongs and
 * closes are noted. */
const char *server_read(server *s);

/* server_read_binary gives the next message if it is a binary one, lent; else NULL. */
const void *server_read_binary(server *s, size_t *ret_len);
unsigned server_pongs(const server *s);
int server_closed(const server *s); /* code of the client's close frame, 0 for none */

void server_raw(server *s, const void *data, size_t len);
void server_text(server *s, const char *text);
void server_binary(server *s, const void *data, size_t len);
void server_frame(server *s, uint8_t first_byte, const void *data, size_t len);
void server_close_frame(server *s, unsigned code);

/* server_chunk sends chunk `index` of a session that plays server_sample(n) at sample n: hops of
 * `hop` samples, `overlap` more in each. */
void server_chunk(server *s, uint64_t index, size_t hop, size_t overlap);
void server_meta(server *s, uint64_t index, size_t hop, size_t overlap);
float server_sample(uint64_t n, unsigned channel);

/* server_wav makes the file of such samples; the caller frees. */
uint8_t *server_wav(uint64_t first, size_t n, size_t *ret_len);

#define SERVER_STARTED                                                                             \
    "{\"type\":\"started\",\"mode\":\"rt\",\"session_id\":\"01hzzzzzzzzzzzzzzzzzzzzzzz\","         \
    "\"sample_rate\":48000,\"channels\":2,\"seed\":7,\"engine\":\"band\",\"overlap\":%u,"          \
    "\"chunk_frames\":1,\"format\":\"%s\",\"pace\":\"asap\",\"role\":\"controller\","              \
    "\"resume_token\":\"%s\",\"resumed\":%s,\"next_index\":%u}"

#endif
