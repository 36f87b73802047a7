#include "song.h"

#include <math.h>

#define BEAT_FRAMES (SONG_RATE_HZ * 60 / SONG_BPM)
#define BAR_FRAMES (4 * BEAT_FRAMES)
#define N_PARTIALS 5

/* MIDI notes of each bar; the first is the bass. */
static const int bars[4][4] = {
    {36, 60, 64, 67},
    {41, 60, 65, 69},
    {43, 59, 62, 67},
    {36, 60, 64, 67},
};

static double note(int midi, double t)
{
    double hz = 440.0 * pow(2.0, (midi - 69) / 12.0);
    double sum = 0;
    for (int k = 1; k <= N_PARTIALS; k++) {
        sum += sin(2 * M_PI * hz * k * t) / (k * k);
    }
    return sum * exp(-1.5 * t);
}

static double chord(size_t frame)
{
    const int *notes = bars[frame / BAR_FRAMES % 4];
    double t = (double)(frame % BAR_FRAMES) / SONG_RATE_HZ;
    double sum = 0.9 * note(notes[0], t);
    for (int i = 1; i < 4; i++) {
        sum += 0.5 * note(notes[i], t);
    }
    return sum;
}

/* A falling thump on each beat, louder on the first, and a click of noise on the others. */
static double drums(size_t frame)
{
    size_t beat = frame / BEAT_FRAMES % 4;
    double t = (double)(frame % BEAT_FRAMES) / SONG_RATE_HZ;
    double kick = sin(2 * M_PI * (50 * t + 4 * (1 - exp(-30 * t)))) * exp(-18 * t);
    uint32_t noise = (uint32_t)frame * 2654435761u;
    double click = ((double)(noise >> 8) / (1 << 23) - 1.0) * exp(-80 * t);
    return (beat == 0 ? 1.2 : 0.5) * kick + (beat % 2 == 1 ? 0.5 : 0.1) * click;
}

size_t song_frames(unsigned n_bars)
{
    return (size_t)n_bars * BAR_FRAMES;
}

static void put(rf_buf *b, uint32_t value, size_t n_bytes)
{
    rf_buf_append(b, &value, n_bytes);
}

static void put_header(rf_buf *b, uint32_t n_bytes)
{
    rf_buf_append_str(b, "RIFF");
    put(b, 36 + n_bytes, 4);
    rf_buf_append_str(b, "WAVEfmt ");
    put(b, 16, 4);
    put(b, 1, 2);
    put(b, SONG_CHANNELS, 2);
    put(b, SONG_RATE_HZ, 4);
    put(b, SONG_RATE_HZ * SONG_CHANNELS * 2, 4);
    put(b, SONG_CHANNELS * 2, 2);
    put(b, 16, 2);
    rf_buf_append_str(b, "data");
    put(b, n_bytes, 4);
}

void song_make(rf_buf *wav, unsigned n_bars)
{
    size_t n_frames = song_frames(n_bars);
    rf_buf_init(wav, 1u << 30);
    put_header(wav, (uint32_t)(n_frames * SONG_CHANNELS * 2));
    for (size_t i = 0; i < n_frames; i++) {
        double middle = chord(i);
        double hits = drums(i);
        int16_t left = (int16_t)lrint(7000 * (middle * 0.9 + hits));
        int16_t right = (int16_t)lrint(7000 * (middle * 0.7 + hits));
        rf_buf_append(wav, &left, sizeof(left));
        rf_buf_append(wav, &right, sizeof(right));
    }
}
