#include "gateway_config.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define STR(field, name, unit, def, help)                                                          \
    RF_SETTING_STR(gateway_config, field, name, unit, def, help)
#define INT(field, name, unit, def, min, max, help)                                                \
    RF_SETTING_INT(gateway_config, field, name, unit, def, min, max, help)
#define LIST(field, name, unit, def, help)                                                         \
    RF_SETTING_LIST(gateway_config, field, name, unit, def, help)

#define BOOL(field, name, def, help) RF_SETTING_BOOL(gateway_config, field, name, def, help)

/* Who may open the sockets of a service, and how they are. */
#define SOCKET_RULES(service, prefix, per_key_default)                                             \
    LIST(sockets[service].allowed_origins, prefix ".allowed_origins", "origins", "",               \
         "web pages that may open sockets: scheme://host[:port] exactly, or null; empty: "         \
         "the server's own"),                                                                      \
        INT(sockets[service].per_key, prefix ".sockets_per_key", "sockets", per_key_default, 1,    \
            65536, "open at once with one key; more get 429"),                                     \
        BOOL(sockets[service].deflate, prefix ".deflate", "false",                                 \
             "permessage-deflate for clients that offer it; limits hold for what is unpacked too")

/* Who may open them without a key. */
#define ANONYMOUS_RULES(service, prefix)                                                           \
    BOOL(sockets[service].allow_anonymous, prefix ".allow_anonymous", "false",                     \
         "sockets without a key"),                                                                 \
        INT(sockets[service].anonymous_per_address, prefix ".anonymous_per_address", "sockets",    \
            "2", 1, 65536, "open at once without a key from one address; more get 429"),           \
        INT(sockets[service].anonymous_total, prefix ".anonymous_total", "sockets", "20", 1,       \
            65536, "open at once without a key; more get 429")

const rf_setting gateway_settings[] = {
    STR(http_listen, "http.listen", "host:port", "127.0.0.1:8080",
        "where plain HTTP is served; empty for nowhere; a passed socket named http wins"),
    STR(https_listen, "https.listen", "host:port", "127.0.0.1:8443",
        "where HTTP over TLS is served; empty for nowhere; a passed socket named https wins"),
    STR(public_base, "public.base", "https URL", "https://localhost:8443",
        "base of the URLs that are given out; must begin with https://"),
    STR(tls_cert, "tls.cert", "path", "",
        "certificate chain for https; empty: one of the private authority in the data directory"),
    STR(tls_key, "tls.key", "path", "", "key of that certificate"),
    LIST(tls_names, "tls.names", "names", "",
         "names and addresses of the private authority's certificate beside localhost, 127.0.0.1 "
         "and ::1"),
    INT(tls_check_s, "tls.check_s", "s", "60", 1, 3600,
        "how often the certificate is looked at: renewed before its end, read again when changed"),
    LIST(job_targets, "job.targets", "RPC targets", "",
         "where the job service answers; empty: its socket in the data directory"),
    LIST(jam_targets, "jam.targets", "RPC targets", "",
         "where the jam service answers; empty: its socket in the data directory"),
    LIST(recorder_targets, "recorder.targets", "RPC targets", "",
         "where the recorder answers; empty: its socket in the data directory"),
    SOCKET_RULES(GATEWAY_SERVICE_JAM, "jam", "16"),
    ANONYMOUS_RULES(GATEWAY_SERVICE_JAM, "jam"),
    SOCKET_RULES(GATEWAY_SERVICE_RECORDER, "recorder", "256"),
    INT(sockets_max, "sockets.max", "sockets", "4096", 1, 1000000,
        "WebSockets open at once; more get 503"),
    INT(sockets[GATEWAY_SERVICE_JAM].ping_s, "sockets.ping_s", "s", "20", 1, 600,
        "how often a client is pinged; one that leaves two pings unanswered is dropped"),
    INT(sockets[GATEWAY_SERVICE_RECORDER].ping_s, "recorder.ping_s", "s", "15", 1, 600,
        "likewise, a client of the recorder"),
    INT(sockets_stall_s, "sockets.stall_s", "s", "30", 1, 600,
        "a client that takes nothing of what a socket has for it for so long is dropped"),
    INT(sockets_drain_s, "sockets.drain_s", "s", "20", 0, 3600,
        "how long sockets go on when the gateway shuts down; then they are closed with 1012"),
    INT(sockets_queue_bytes, "sockets.queue_bytes", "B", "2097152", 65536, 67108864,
        "of a slow client, above which its service is held back"),
    RF_ROW_SIGNING_KEYS(gateway_config, signing_keys),
    RF_ROW_STORE_URL(gateway_config, store_url),
    RF_ROWS_RPC_TLS(gateway_config, rpc_tls),
    INT(loops, "loops", "threads", "0", 0, 64, "event loops; 0: one a processor"),
    INT(io_threads, "io.threads", "threads", "4", 1, 64, "threads that wait for the disk"),
    INT(connections_max, "connections.max", "connections", "10000", 16, 1000000,
        "connections open at once; more get 503 and are closed"),
    INT(transfers_max, "transfers.max", "transfers", "256", 1, 65536,
        "uploads and downloads at once; more get 503"),
    INT(waiters_max, "waiters.max", "requests", "10000", 0, 10000,
        "requests that wait for a job to change at once; more are answered at once"),
    INT(listeners_max, "events.max", "streams", "4096", 1, 4096,
        "event streams of jobs open at once; more get 503"),
    INT(head_timeout_ms, "head.timeout_ms", "ms", "10000", 100, 600000,
        "from its first byte to the end of a request's headers; also the TLS handshake"),
    INT(idle_timeout_s, "idle.timeout_s", "s", "75", 5, 600,
        "how long a connection is kept open between requests"),
    INT(body_window_s, "body.window_s", "s", "30", 1, 600, "window of the least body rate"),
    INT(body_min_rate, "body.min_rate", "B/s", "1024", 1, 1048576,
        "a body that stays below this rate for a whole window is refused"),
    INT(send_stall_s, "send.stall_s", "s", "60", 1, 3600,
        "a client that takes nothing of an answer for so long is closed"),
    INT(json_max_bytes, "json.max_bytes", "B", "262144", 1024, 16777216, "JSON body of a request"),
    BOOL(audit, "audit.enabled", "true", "writes who used which API key for what"),
    BOOL(audit_polls, "audit.polls", "false", "the polls of jobs and recordings as well"),
    STR(audit_dir, "audit.dir", "path", "",
        "where gateway.log is, of this gateway alone; empty: audit in the data directory"),
    INT(audit_max_bytes, "audit.max_bytes", "B", "16777216", 65536, 1073741824,
        "of one file; then the next is begun"),
    INT(audit_files, "audit.files", "files", "8", 1, 100, "that are kept"),
    INT(rate_per_second, "rate.requests_per_second", "1/s", "200", 1, 1000000,
        "requests of an application; a key may have a rate of its own"),
    INT(rate_burst, "rate.burst", "requests", "400", 1, 1000000, "burst above that rate"),
    INT(poll_rate_per_second, "rate.poll_per_second", "1/s", "1000", 1, 1000000,
        "GET /job/{id} and /job/{id}/status of an application, counted apart"),
    INT(read_wait_ms, "wait.read_ms", "ms", "10000", 100, 60000,
        "how long a read waits for a service that is away before it gets 503"),
    INT(write_wait_ms, "wait.write_ms", "ms", "900", 50, 60000,
        "how long a change waits for a service that is away before it gets 503"),
};
const size_t gateway_n_settings = RF_ARRAY_LEN(gateway_settings);

int gateway_config_check(const gateway_config *config)
{
    const char *base = config->public_base;
    size_t len = strlen(base);
    if (strncmp(base, "https://", 8) != 0 || len == 8 || base[len - 1] == '/') {
        RF_LOG_ERROR("public.base must be https://HOST[:PORT] without a slash at the end",
                     RF_STR("public.base", base));
        return -EINVAL;
    }
    if (config->http_listen[0] == '\0' && config->https_listen[0] == '\0') {
        RF_LOG_ERROR("http.listen and https.listen are both empty");
        return -EINVAL;
    }
    if ((config->tls_cert[0] == '\0') != (config->tls_key[0] == '\0')) {
        RF_LOG_ERROR("tls.cert and tls.key go together: set both or neither");
        return -EINVAL;
    }
    return 0;
}
