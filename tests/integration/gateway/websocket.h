/*
 * websocket.h - a WebSocket client for tests that must see and send every byte: what it sends is
 * made by frames.h, what it gets is held to RFC 6455. One thread.
 */
#ifndef GATEWAY_TEST_WEBSOCKET_H
#define GATEWAY_TEST_WEBSOCKET_H

#include "client.h"
#include "frames.h"

typedef struct websocket {
    client c;
    int status; /* of the handshake; 101: open */
    char head[4096];
    bool deflate; /* the gateway took permessage-deflate up */
} websocket;

typedef struct message {
    unsigned opcode; /* 0: the connection has ended */
    unsigned code;   /* of a close, 1005 without one */
    char *data;      /* terminated */
    size_t len;
    bool packed; /* as it came */
} message;

/* websocket_open opens path with key (NULL: fix.key, "": none) and further header lines. */
websocket websocket_open(bool tls, const char *path, const char *key, const char *headers);
void websocket_close(websocket *w);

/* websocket_text sends a text, websocket_frame any frame. */
bool websocket_text(websocket *w, const char *text);
bool websocket_frame(websocket *w, unsigned b0, const void *data, size_t len);

/* websocket_get reads the next frame. It must be whole, unmasked and of the shortest length form;
 * a text must be UTF-8; packed only where that was agreed. Free with message_done. */
message websocket_get(websocket *w);
void message_done(message *m);

/* websocket_says asserts that the next message is this text. */
void websocket_says(websocket *w, const char *text);

/* websocket_ends closes with code and asserts that the gateway answers so and then ends the
 * connection. */
void websocket_ends(websocket *w, unsigned code);

/* websocket_closed asserts that the gateway closes the socket with code, in front of which other
 * messages may come; the close is answered. */
void websocket_closed(websocket *w, unsigned code, const char *what);

#endif
