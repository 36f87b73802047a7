/*
 * gateway.h - the parts of one gateway process, as every file of it sees them. Made by
 * gateway_main.c before the loops start and read-only until they have stopped; each part says for
 * itself which threads may call it.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "gateway_config.h"
#include "rf_sign.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct gateway_tls gateway_tls;
typedef struct gateway_auth gateway_auth;
typedef struct gateway_limits gateway_limits;
typedef struct gateway_audit gateway_audit;
typedef struct gateway_rpc gateway_rpc;
typedef struct gateway_io gateway_io;
typedef struct gateway_last gateway_last;
typedef struct gateway_sockets gateway_sockets;
typedef struct gateway_used gateway_used;
typedef struct gateway_jam_rpc gateway_jam_rpc;
typedef struct gateway_recorder_rpc gateway_recorder_rpc;
typedef struct gateway_loop gateway_loop;
typedef struct rf_store rf_store;

typedef struct gateway {
    gateway_config config;
    gateway_loop **loops;
    size_t n_loops;
    gateway_tls *tls;
    gateway_auth *auth;
    gateway_limits *limits;
    gateway_audit *audit; /* NULL: off */
    gateway_sockets *sockets;
    gateway_used *tickets;
    gateway_rpc *rpc;
    gateway_jam_rpc *jam;
    gateway_recorder_rpc *recorder;
    gateway_io *io;
    gateway_last *last; /* last known job states */
    rf_store *store;
    rf_signer *signer;
    char *openapi; /* JSON text */
    size_t openapi_len;
    _Atomic(int64_t) transfers; /* uploads and downloads in progress */
    _Atomic(int64_t) waiters;   /* long polls that the job service holds */
    _Atomic(int64_t) listeners; /* event streams open */
    _Atomic(int64_t) n_sockets;
    _Atomic(int64_t) socket_queue_bytes; /* that wait for slow clients */
} gateway;

#endif
