/*
 * gateway_tls_blocks.h - memory that OpenSSL takes and gives back with each record: its buffers,
 * about 17 KiB each, and pieces of 40 bytes. A connection has its two buffers only while bytes are
 * under way (SSL_MODE_RELEASE_BUFFERS), so that they come and go with each request; malloc finds
 * blocks of that size slowly. Each thread keeps a few of both, of which the last one given back is
 * still in the processor's caches.
 */
#ifndef GATEWAY_TLS_BLOCKS_H
#define GATEWAY_TLS_BLOCKS_H

/* gateway_tls_blocks_use lets OpenSSL take all its memory by way of what is kept. To be called
 * once, before any other function of OpenSSL: -EALREADY when memory was taken before; then, and on
 * -EAGAIN, everything goes on with malloc. */
int gateway_tls_blocks_use(void);

#endif
