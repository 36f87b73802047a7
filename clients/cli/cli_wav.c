#include "cli_wav.h"

#include <errno.h>
#include <sndfile.h>

#define RATE_HZ 48000
#define CHANNELS 2
#define WAV_MAX_SAMPLES (0xffff0000u / (CHANNELS * sizeof(float)))

struct cli_wav {
    SNDFILE *file;
    char *path;
};

int cli_wav_open(const char *path, uint64_t max_samples, cli_wav **ret, rf_buf *error)
{
    int container = max_samples <= WAV_MAX_SAMPLES ? SF_FORMAT_WAV : SF_FORMAT_RF64;
    SF_INFO info = {
        .samplerate = RATE_HZ, .channels = CHANNELS, .format = container | SF_FORMAT_FLOAT};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (file == NULL) {
        rf_buf_printf(error, "%s: %s", path, sf_strerror(NULL));
        return -EIO;
    }
    sf_command(file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    sf_command(file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it holds the time of day */
    sf_command(file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
    *ret = RF_NEW(cli_wav);
    **ret = (cli_wav){.file = file, .path = rf_strdup(path)};
    return 0;
}

int cli_wav_write(cli_wav *w, const float *samples, size_t n, rf_buf *error)
{
    if (sf_writef_float(w->file, samples, (sf_count_t)n) != (sf_count_t)n) {
        rf_buf_printf(error, "%s: %s", w->path, sf_strerror(w->file));
        return -EIO;
    }
    return 0;
}

int cli_wav_close(cli_wav *w, rf_buf *error)
{
    int code = w == NULL ? 0 : sf_close(w->file);
    if (code != 0) {
        rf_buf_printf(error, "%s: %s", w->path, sf_error_number(code));
    }
    if (w != NULL) {
        free(w->path);
        free(w);
    }
    return code == 0 ? 0 : -EIO;
}
