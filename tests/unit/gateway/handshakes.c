#include "handshakes.h"

#define GET "GET /ws/jam HTTP/1.1\r\nHost: localhost\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ALL UPGRADE CONNECTION VERSION KEY

const handshake_case handshake_cases[] = {
    {"as it should be", GET ALL, 101},
    {"names in other cases", GET "UPGRADE: WebSocket\r\nconnection: upGRADE\r\n" VERSION KEY, 101},
    {"Connection is a list", GET UPGRADE "Connection: keep-alive, Upgrade\r\n" VERSION KEY, 101},
    {"Upgrade is a list", GET "Upgrade: h2c, websocket\r\n" CONNECTION VERSION KEY, 101},
    {"spaces around values",
     GET "Upgrade:   websocket  \r\n" CONNECTION "Sec-WebSocket-Version:  13 \r\n" KEY, 101},
    {"with a query", "GET /ws/jam?a=b&c HTTP/1.1\r\nHost: localhost\r\n" ALL, 101},
    {"subprotocols are offered, none is taken", GET ALL "Sec-WebSocket-Protocol: a, b\r\n", 101},
    {"compression is offered, not taken",
     GET ALL "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", 101},
    {"Content-Length of 0", GET ALL "Content-Length: 0\r\n", 101},
    {"no Upgrade", GET CONNECTION VERSION KEY, 426},
    {"Upgrade to something else", GET "Upgrade: h2c\r\n" CONNECTION VERSION KEY, 426},
    {"Upgrade only resembles", GET "Upgrade: websockets\r\n" CONNECTION VERSION KEY, 426},
    {"Upgrade is empty", GET "Upgrade:\r\n" CONNECTION VERSION KEY, 426},
    {"no Connection", GET UPGRADE VERSION KEY, 426},
    {"Connection without the token", GET UPGRADE "Connection: keep-alive\r\n" VERSION KEY, 426},
    {"Connection only resembles", GET UPGRADE "Connection: upgraded\r\n" VERSION KEY, 426},
    {"no version", GET UPGRADE CONNECTION KEY, 426},
    {"version 8", GET UPGRADE CONNECTION "Sec-WebSocket-Version: 8\r\n" KEY, 426},
    {"version 0", GET UPGRADE CONNECTION "Sec-WebSocket-Version: 0\r\n" KEY, 426},
    {"version 13 and more", GET UPGRADE CONNECTION "Sec-WebSocket-Version: 13, 8\r\n" KEY, 426},
    {"version 130", GET UPGRADE CONNECTION "Sec-WebSocket-Version: 130\r\n" KEY, 426},
    {"HTTP/1.0", "GET /ws/jam HTTP/1.0\r\nHost: localhost\r\n" ALL, 426},
    {"HEAD", "HEAD /ws/jam HTTP/1.1\r\nHost: localhost\r\n" ALL, 426},
    {"an ordinary GET", GET, 426},
    {"no key", GET UPGRADE CONNECTION VERSION, 400},
    {"empty key", GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key:\r\n", 400},
    {"key of 15 bytes",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", 400},
    {"key of 17 bytes",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXM=\r\n", 400},
    {"key of 18 bytes",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXNz\r\n", 400},
    {"key without padding",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", 400},
    {"key is no base64",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBs*SBub25jZQ==\r\n", 400},
    {"key with spare bits",
     GET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", 400},
    {"two keys", GET ALL KEY, 400},
    {"two versions", GET ALL VERSION, 400},
    {"a body", GET ALL "Content-Length: 3\r\n", 400},
    {"a chunked body", GET ALL "Transfer-Encoding: chunked\r\n", 400},
};
const size_t n_handshake_cases = sizeof(handshake_cases) / sizeof(handshake_cases[0]);
