/* No heap calls while the band plays: every allocator of the C library is counted here. */
#include "band_script.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>

static __thread bool counting;
static __thread size_t n_calls;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void *malloc(size_t size)
{
    static void *(*real)(size_t);
    if (real == NULL) {
        *(void **)&real = next("malloc");
    }
    n_calls += counting;
    return real(size);
}

void free(void *p)
{
    static void (*real)(void *);
    if (real == NULL) {
        *(void **)&real = next("free");
    }
    n_calls += counting;
    real(p);
}

void *realloc(void *p, size_t size)
{
    static void *(*real)(void *, size_t);
    if (real == NULL) {
        *(void **)&real = next("realloc");
    }
    n_calls += counting;
    return real(p, size);
}

int posix_memalign(void **p, size_t align, size_t size)
{
    static int (*real)(void **, size_t, size_t);
    if (real == NULL) {
        *(void **)&real = next("posix_memalign");
    }
    n_calls += counting;
    return real(p, align, size);
}

static size_t calls_of_second(band_player *player, jam_controls *controls, size_t second)
{
    static float left[JAM_FRAME_SAMPLES], right[JAM_FRAME_SAMPLES];
    counting = true;
    n_calls = 0;
    for (size_t i = 0; i < 25; i++) {
        const int64_t at = (int64_t)(second * 25 + i) * JAM_FRAME_SAMPLES;
        controls->stems[i % JAM_N_STEMS].gain_db = -(double)(i % 20);
        controls->brightness = (double)i / 25;
        controls->bpm = 90 + (double)i;
        band_player_control(player, at + 64, controls);
        if (i == 12) {
            band_script_now.mix.parts[BAND_COMP].program ^= 4;
            band_script_now.mix_count++;
        }
        (void)band_player_render(player, JAM_FRAME_SAMPLES / BAND_BLOCK, left, right, NULL);
    }
    counting = false;
    return n_calls;
}

Test(heap, nothing_is_allocated_while_it_plays)
{
    band_script_clear();
    band_script_groove(32);
    jam_controls controls;
    jam_controls_default(&controls);
    band_player *player = band_player_new(band_script_bank(), 1, &controls, NULL);
    for (size_t second = 0; second < 20; second++) {
        const size_t n = calls_of_second(player, &controls, second);
        cr_expect_eq(n, 0, "%zu calls in second %zu", n, second);
    }
    (void)band_player_free(player);
}

Test(heap, the_counter_counts)
{
    band_script_clear();
    jam_controls controls;
    jam_controls_default(&controls);
    (void)band_script_bank();
    counting = true;
    n_calls = 0;
    band_player *player = band_player_new(band_script_bank(), 1, &controls, NULL);
    const size_t made = n_calls;
    (void)band_player_free(player);
    counting = false;
    cr_expect_gt(made, 100, "%zu", made);
    cr_expect_gt(n_calls - made, 100, "%zu", n_calls - made);
}
