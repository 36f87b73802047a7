#include "jam_config.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define STR(field, name, unit, def, help) RF_SETTING_STR(jam_config, field, name, unit, def, help)
#define INT(field, name, unit, def, min, max, help)                                                \
    RF_SETTING_INT(jam_config, field, name, unit, def, min, max, help)

const rf_setting jam_settings_rows[] = {
    STR(rpc_listen, "rpc.listen", "RPC addresses", "",
        "where this service answers; empty: its socket in the data directory"),
    RF_ROWS_RPC_TLS(jam_config, rpc_tls),
    RF_ROW_STORE_URL(jam_config, store_url),
    STR(recorder_endpoint, "recorder.endpoint", "", "",
        "recorder service, for recordings; empty: its socket in the data directory"),
    STR(soundfont, "jam.soundfont", "path", "",
        "SF2 or SF3 bank of the engine band; empty: the system's General MIDI bank"),
    RF_SETTING_LIST(jam_config, plugins, "jam.plugins", "paths", "", "further engines, .so files"),
    INT(threads, "jam.threads", "threads", "0", 0, 256,
        "threads that render; 0: one for each processor"),
    INT(render_ahead_ms, "jam.render_ahead_ms", "ms", "500", 40, 2000,
        "how long before it is due a chunk is begun"),
    STR(crossfade_default, "jam.crossfade_default", "auto or s", "auto",
        "overlap of a start that names none: 0.0 to 0.1, or auto"),
    INT(sessions_max, "jam.sessions_max", "sessions", "1000", 1, 10000, "sessions at once"),
    INT(sockets_max, "jam.sockets_max", "sockets", "8192", 1, 65536, "sockets at once"),
    INT(parked_max, "jam.parked_max", "sessions", "64", 0, 10000,
        "sessions that wait for a client to come back; beyond, the oldest ends"),
    INT(park_s, "jam.park_s", "s", "30", 1, 600, "how long a session waits for its client"),
    INT(duration_max_s, "jam.duration_max_s", "s", "14400", 1, 86400, "longest session"),
    INT(pause_max_s, "jam.pause_max_s", "s", "600", 1, 86400, "longest pause"),
    INT(start_s, "jam.start_s", "s", "30", 1, 600, "a socket without a start ends after"),
    INT(cpu_percent, "jam.cpu_percent", "%", "80", 1, 100,
        "predicted load above which no session is opened"),
    INT(queue_max, "jam.queue_max", "starts", "100", 0, 10000, "refused starts that keep a place"),
    INT(anonymous_per_address, "jam.anonymous_per_address", "sessions", "2", 0, 10000,
        "sessions of one address without a key"),
    INT(anonymous_max, "jam.anonymous_max", "sessions", "20", 0, 10000,
        "sessions without a key in all"),
};
const size_t jam_n_settings_rows = RF_ARRAY_LEN(jam_settings_rows);

int jam_config_crossfade(const jam_config *config, double *ret_seconds)
{
    double seconds = -1.0;
    bool is_auto = strcmp(config->crossfade_default, "auto") == 0;
    if (!is_auto && (rf_parse_f64(config->crossfade_default, &seconds) < 0 || !(seconds >= 0.0) ||
                     seconds > 0.1)) {
        RF_LOG_ERROR("jam.crossfade_default is neither auto nor a number from 0.0 to 0.1",
                     RF_STR("value", config->crossfade_default));
        return -EINVAL;
    }
    *ret_seconds = seconds;
    return 0;
}
