#include "requests.h"

#define HOST "Host: h\r\n"
#define GET "GET /healthz HTTP/1.1\r\n"
#define GET_HOST GET HOST
#define POSTED "GET /healthz HTTP/1.1\r\n" HOST
#define CHUNKED POSTED "Transfer-Encoding: chunked\r\n\r\n"
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define X9000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
#define X17000 X9000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
#define H10 "a:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n"
#define H100 H10 H10 H10 H10 H10 H10 H10 H10 H10 H10

#define BAD(name_, text)                                                                           \
    {                                                                                              \
        name_, text, sizeof(text) - 1, 400, false                                                  \
    }
#define IS(name_, text, status_, keeps_)                                                           \
    {                                                                                              \
        name_, text, sizeof(text) - 1, status_, keeps_                                             \
    }
#define OK(name_, text)                                                                            \
    {                                                                                              \
        name_, text, sizeof(text) - 1, 200, true                                                   \
    }

const request_case request_cases[] = {
    /* both lengths, and lengths that can be read in two ways (RFC 9112 section 6.3) */
    BAD("length and chunked",
        POSTED "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked and length",
        POSTED "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    BAD("chunked and length zero",
        POSTED "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
    BAD("two lengths that differ", POSTED "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    BAD("two lengths that agree", POSTED "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    BAD("length list", POSTED "Content-Length: 5, 5\r\n\r\nhello"),
    BAD("length with plus", POSTED "Content-Length: +5\r\n\r\nhello"),
    BAD("length with minus", POSTED "Content-Length: -5\r\n\r\nhello"),
    BAD("length in hex", POSTED "Content-Length: 0x5\r\n\r\nhello"),
    BAD("length with space inside", POSTED "Content-Length: 5 5\r\n\r\nhello"),
    BAD("length with underscore", POSTED "Content-Length: 1_0\r\n\r\nhellohello"),
    BAD("length empty", POSTED "Content-Length:\r\n\r\n"),
    BAD("length only spaces", POSTED "Content-Length:   \r\n\r\n"),
    BAD("length word", POSTED "Content-Length: five\r\n\r\nhello"),
    BAD("length fraction", POSTED "Content-Length: 5.0\r\n\r\nhello"),
    BAD("length beyond 64 bits", POSTED "Content-Length: 18446744073709551616\r\n\r\n"),
    BAD("length beyond 63 bits", POSTED "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD("length wraps", POSTED "Content-Length: 36893488147419103237\r\n\r\nhello"),
    BAD("length with vertical tab", POSTED "Content-Length: \v5\r\n\r\nhello"),
    BAD("length with form feed", POSTED "Content-Length: 5\f\r\n\r\nhello"),
    BAD("length with NUL", POSTED "Content-Length: 5\0\r\n\r\nhello"),
    BAD("length with semicolon", POSTED "Content-Length: 5;\r\n\r\nhello"),
    BAD("length quoted", POSTED "Content-Length: \"5\"\r\n\r\nhello"),
    OK("length with leading zeros", POSTED "Content-Length: 0005\r\n\r\nhello"),
    OK("length zero", POSTED "Content-Length: 0\r\n\r\n"),
    OK("length with spaces around", POSTED "Content-Length:  5  \r\n\r\nhello"),
    OK("length in other case", POSTED "cOnTeNt-LeNgTh: 5\r\n\r\nhello"),

    /* transfer codings (sections 6.1 and 7) */
    BAD("coding unknown", POSTED "Transfer-Encoding: x\r\n\r\n"),
    BAD("coding identity", POSTED "Transfer-Encoding: identity\r\n\r\n"),
    BAD("coding empty", POSTED "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    BAD("coding gzip alone", POSTED "Transfer-Encoding: gzip\r\n\r\n"),
    BAD("chunked not last", POSTED "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    BAD("chunked before identity", POSTED "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    BAD("chunked twice", POSTED "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked in two headers",
        POSTED "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked then identity header",
        POSTED "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    BAD("identity header then chunked",
        POSTED "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked misspelt", POSTED "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
    BAD("chunked with prefix", POSTED "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked quoted", POSTED "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    BAD("chunked with parameter", POSTED "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    BAD("chunked after vertical tab", POSTED "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked after NUL", POSTED "Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked after empty item", POSTED "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    BAD("chunked folded", POSTED "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    BAD("space before colon of coding", POSTED "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    BAD("tab before colon of coding", POSTED "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked in HTTP/1.0",
        "GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    IS("gzip before chunked", POSTED "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
       false),
    OK("chunked in other case", POSTED "Transfer-Encoding: ChUnKeD\r\n\r\n0\r\n\r\n"),
    OK("chunked after tab", POSTED "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n"),

    /* chunks (section 7.1) */
    OK("one chunk", CHUNKED "5\r\nhello\r\n0\r\n\r\n"),
    OK("two chunks", CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
    OK("chunk size in upper-case hex", CHUNKED "A\r\n0123456789\r\n0\r\n\r\n"),
    OK("chunk size with zeros", CHUNKED "0005\r\nhello\r\n000\r\n\r\n"),
    OK("chunk extension", CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n"),
    OK("trailer", CHUNKED "0\r\nX-Sum: 1\r\n\r\n"),
    OK("trailer with a long name", CHUNKED "0\r\n" X100 X100 ": 1\r\n\r\n"),
    IS("too many trailers", CHUNKED "0\r\n" H100 "\r\n", 431, false),
    BAD("chunk size missing", CHUNKED "\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size not hex", CHUNKED "g\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size with plus", CHUNKED "+5\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size with minus", CHUNKED "-5\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size after space", CHUNKED " 5\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size before space", CHUNKED "5 \r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size with underscore", CHUNKED "1_0\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size beyond 64 bits", CHUNKED "10000000000000000\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size wraps", CHUNKED "100000000000000005\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk size with NUL", CHUNKED "5\0\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk line ends with LF", CHUNKED "5\nhello\r\n0\r\n\r\n"),
    BAD("chunk line ends with CR", CHUNKED "5\rhello\r\n0\r\n\r\n"),
    BAD("chunk line ends with CR CR LF", CHUNKED "5\r\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk data ends with LF", CHUNKED "5\r\nhello\n0\r\n\r\n"),
    BAD("chunk data ends with CR", CHUNKED "5\r\nhello\r0\r\n\r\n"),
    BAD("chunk data too long", CHUNKED "5\r\nhello!\r\n0\r\n\r\n"),
    BAD("chunk data too short", CHUNKED "6\r\nhello\r\n0\r\n\r\n"),
    BAD("chunk data without end", CHUNKED "5\r\nhello0\r\n\r\n"),
    BAD("last chunk ends with LF", CHUNKED "0\n\n"),
    BAD("trailers end with LF", CHUNKED "0\r\n\n"),
    BAD("trailer with bare CR", CHUNKED "0\r\nX: a\rY: b\r\n\r\n"),
    BAD("trailer with bare LF", CHUNKED "0\r\nX: a\nY: b\r\n\r\n"),
    BAD("trailer folded", CHUNKED "0\r\nX: a\r\n b\r\n\r\n"),
    BAD("trailer without colon", CHUNKED "0\r\nnonsense\r\n\r\n"),
    BAD("trailer with space before colon", CHUNKED "0\r\nX : a\r\n\r\n"),
    BAD("trailers too large", CHUNKED "0\r\nX: " X9000 "\r\n\r\n"),
    BAD("extension with LF", CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    BAD("extension with CR", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    BAD("extension with NUL", CHUNKED "5;a\0b\r\nhello\r\n0\r\n\r\n"),
    BAD("extension too long", CHUNKED "5;" X1000 "\r\nhello\r\n0\r\n\r\n"),

    /* lines of the head (section 2.2) */
    BAD("all lines end with LF", "GET /healthz HTTP/1.1\nHost: h\n\n"),
    BAD("request line ends with LF", "GET /healthz HTTP/1.1\nHost: h\r\n\r\n"),
    BAD("header ends with LF", GET_HOST "A: b\n\r\n"),
    BAD("head ends with LF", GET_HOST "\n"),
    BAD("bare CR in value", GET_HOST "A: b\rC: d\r\n\r\n"),
    BAD("bare CR before length", GET_HOST "A: b\rContent-Length: 5\r\n\r\nhello"),
    BAD("bare CR in name", GET_HOST "A\rB: d\r\n\r\n"),
    BAD("CR CR LF", GET_HOST "A: b\r\r\n\r\n"),
    BAD("bare CR in target", "GET /heal\rthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("empty header line is only CR", GET_HOST "\r\rA: b\r\n\r\n"),
    BAD("fold with space", GET_HOST "A: b\r\n c\r\n\r\n"),
    BAD("fold with tab", GET_HOST "A: b\r\n\tc\r\n\r\n"),
    BAD("fold of length", GET_HOST "Content-Length:\r\n 5\r\n\r\nhello"),
    BAD("space before first header", GET " Host: h\r\n\r\n"),
    BAD("tab before first header", GET "\tHost: h\r\n\r\n"),
    BAD("space line before headers", GET " \r\n" HOST "\r\n"),
    BAD("space before length", GET_HOST " Content-Length: 5\r\n\r\nhello"),
    BAD("NUL in value", GET_HOST "A: b\0c\r\n\r\n"),
    BAD("NUL in name", GET_HOST "A\0B: c\r\n\r\n"),
    BAD("NUL in target", "GET /heal\0thz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("control in value", GET_HOST "A: b\001c\r\n\r\n"),
    BAD("delete in value", GET_HOST "A: b\177c\r\n\r\n"),
    OK("tab in value", GET_HOST "A: b\tc\r\n\r\n"),
    OK("high bytes in value", GET_HOST "A: \303\251\r\n\r\n"),
    OK("empty value", GET_HOST "A:\r\n\r\n"),
    OK("empty line before the request", "\r\n" GET_HOST "\r\n"),
    BAD("two empty lines before the request", "\r\n\r\n" GET_HOST "\r\n"),
    BAD("bare LF before the request", "\n" GET_HOST "\r\n"),

    /* header names (section 5.1) */
    BAD("space before colon", GET_HOST "A : b\r\n\r\n"),
    BAD("tab before colon", GET_HOST "A\t: b\r\n\r\n"),
    BAD("space in name", GET_HOST "A B: c\r\n\r\n"),
    BAD("no colon", GET_HOST "nonsense\r\n\r\n"),
    BAD("empty name", GET_HOST ": b\r\n\r\n"),
    BAD("name with slash", GET_HOST "A/B: c\r\n\r\n"),
    BAD("name with parenthesis", GET_HOST "A(B): c\r\n\r\n"),
    BAD("name with at sign", GET_HOST "A@B: c\r\n\r\n"),
    BAD("name with high byte", GET_HOST "A\351: c\r\n\r\n"),
    BAD("name with vertical tab", GET_HOST "A\v: c\r\n\r\n"),
    BAD("length with space before colon", GET_HOST "Content-Length : 5\r\n\r\nhello"),
    OK("name with every token character", GET_HOST "!#$%&'*+-.^_`|~09az: c\r\n\r\n"),

    /* Host (section 3.2) */
    BAD("no host", GET "\r\n"),
    BAD("two hosts", GET HOST HOST "\r\n"),
    BAD("two hosts that differ", GET HOST "Host: other\r\n\r\n"),
    BAD("host with space", GET "Host: a b\r\n\r\n"),
    BAD("host with slash", GET "Host: a/b\r\n\r\n"),
    BAD("host with user", GET "Host: u@h\r\n\r\n"),
    BAD("host with quote", GET "Host: a\"b\r\n\r\n"),
    OK("host with port", GET "Host: h:8080\r\n\r\n"),
    OK("host of IPv6", GET "Host: [::1]:8080\r\n\r\n"),
    OK("host empty", GET "Host:\r\n\r\n"),
    IS("no host in HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", 200, false),
    IS("HTTP/1.0 that stays", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true),

    /* request line (section 3) */
    BAD("no version", "GET /healthz\r\n" HOST "\r\n"),
    BAD("no target", "GET HTTP/1.1\r\n" HOST "\r\n"),
    BAD("two spaces after method", "GET  /healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("two spaces before version", "GET /healthz  HTTP/1.1\r\n" HOST "\r\n"),
    BAD("tab after method", "GET\t/healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("space after version", "GET /healthz HTTP/1.1 \r\n" HOST "\r\n"),
    BAD("word after version", "GET /healthz HTTP/1.1 x\r\n" HOST "\r\n"),
    BAD("space before method", " GET /healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method in lower case", "get /healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method unknown", "FROB /healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method with slash", "GE/T /healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target without slash", "GET healthz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target with fragment", "GET /healthz#x HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target with high byte", "GET /healthz\351 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("asterisk with GET", "GET * HTTP/1.1\r\n" HOST "\r\n"),
    BAD("version in lower case", "GET /healthz http/1.1\r\n" HOST "\r\n"),
    BAD("version of another protocol", "GET /healthz ICE/1.0\r\n" HOST "\r\n"),
    BAD("version without minor", "GET /healthz HTTP/1\r\n" HOST "\r\n"),
    BAD("version with two digits", "GET /healthz HTTP/1.10\r\n" HOST "\r\n"),
    BAD("version with words", "GET /healthz HTTP/one.one\r\n" HOST "\r\n"),
    IS("version 2.0", "GET /healthz HTTP/2.0\r\n" HOST "\r\n", 505, false),
    IS("version 0.9", "GET /healthz HTTP/0.9\r\n" HOST "\r\n", 505, false),
    IS("version 3.1", "GET /healthz HTTP/3.1\r\n" HOST "\r\n", 505, false),
    IS("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false),
    BAD("TLS to plain port", "\026\003\001\002\000\001\000\001\374\003\003\r\n\r\n"),
    BAD("binary", "\377\376\375\374\r\n\r\n"),
    OK("absolute target", "GET http://h/healthz HTTP/1.1\r\n" HOST "\r\n"),
    OK("absolute target in upper case", "GET HTTP://H/healthz HTTP/1.1\r\n" HOST "\r\n"),
    OK("bare question mark", "GET /healthz? HTTP/1.1\r\n" HOST "\r\n"),
    OK("repeated slashes", "GET ///healthz HTTP/1.1\r\n" HOST "\r\n"),
    IS("unknown path", "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, true),
    IS("other method", "DELETE /healthz HTTP/1.1\r\n" HOST "\r\n", 405, true),
    IS("TRACE", "TRACE /healthz HTTP/1.1\r\n" HOST "\r\n", 405, true),
    IS("OPTIONS asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, true),

    /* sizes */
    IS("target too long", "GET /" X9000 " HTTP/1.1\r\n" HOST "\r\n", 414, false),
    IS("header too long", GET_HOST "A: " X17000 "\r\n\r\n", 431, false),
    IS("header name too long", GET_HOST X17000 ": a\r\n\r\n", 431, false),
    IS("too many headers", GET_HOST H100 "\r\n", 431, false),
    IS("head without end", GET_HOST "A: " X9000 "\r\nB: " X9000 "\r\n", 431, false),

    /* expectations and upgrades */
    IS("unknown expectation", POSTED "Expect: magic\r\nContent-Length: 5\r\n\r\nhello", 417, false),
    OK("upgrade is not taken", GET_HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    OK("upgrade to HTTP/2 is not taken", GET_HOST
       "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n"),
    IS("close", GET_HOST "Connection: close\r\n\r\n", 200, false),
    IS("close in other case", GET_HOST "Connection: Close\r\n\r\n", 200, false),
    BAD("connection header that is no token", GET_HOST "Connection: \001\r\n\r\n"),
    BAD("repeated authorization", GET_HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"),
};
const size_t n_request_cases = sizeof(request_cases) / sizeof(request_cases[0]);
