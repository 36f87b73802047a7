/* Soundfonts: what is read of a small one, and that broken ones are refused. */
#include "band_font.h"
#include "band_script.h"
#include "rf_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_SAMPLES 2000

/* A soundfont written piece by piece. */
typedef struct writer {
    uint8_t bytes[1 << 16];
    size_t n;
} writer;

static writer font;

static void put(const void *data, size_t n)
{
    cr_assert_leq(font.n + n, sizeof(font.bytes));
    memcpy(font.bytes + font.n, data, n);
    font.n += n;
}

static void put16(unsigned x)
{
    put((uint8_t[]){(uint8_t)x, (uint8_t)(x >> 8)}, 2);
}

static void put32(size_t x)
{
    put16(x & 0xffff);
    put16(x >> 16 & 0xffff);
}

/* A chunk whose size is filled in by end. */
static size_t begin(const char *id)
{
    put(id, 4);
    put32(0);
    return font.n;
}

static void end(size_t start)
{
    const size_t size = font.n - start;
    for (int i = 0; i < 4; i++) {
        font.bytes[start - 4 + (size_t)i] = (uint8_t)(size >> 8 * i);
    }
    if (size % 2 != 0) {
        put("", 1);
    }
}

static void put_name(const char *name)
{
    char padded[20] = {0};
    (void)rf_copy_str(padded, sizeof(padded), name);
    put(padded, sizeof(padded));
}

static void put_sample(const char *name, size_t start, size_t stop, size_t loop, size_t loop_end,
                       unsigned type)
{
    put_name(name);
    put32(start);
    put32(stop);
    put32(loop);
    put32(loop_end);
    put32(44100);
    put((uint8_t[]){57, (uint8_t)-7}, 2);
    put16(0);
    put16(type);
}

static void put_preset(const char *name, unsigned program, unsigned bank, unsigned bag)
{
    put_name(name);
    put16(program);
    put16(bank);
    put16(bag);
    put32(0);
    put32(0);
    put32(0);
}

static void put_gen(unsigned id, unsigned amount)
{
    put16(id);
    put16(amount);
}

/* Two presets on one instrument with a global zone and two ranges. */
static void put_pdta(size_t start, size_t stop, size_t loop, size_t loop_end, unsigned type)
{
    const size_t list = begin("LIST");
    put("pdta", 4);
    size_t at = begin("phdr");
    put_preset("second", 5, 128, 1);
    put_preset("first", 0, 0, 0);
    put_preset("EOP", 0, 0, 2);
    end(at);
    /* presets must rise in bags: the second begins at 0 */
    font.bytes[at + 24] = 0;
    font.bytes[at + 38 + 24] = 1;
    at = begin("pbag");
    put16(0), put16(0), put16(1), put16(0), put16(3), put16(0);
    end(at);
    at = begin("pmod");
    put(&(uint8_t[10]){0}, 10);
    end(at);
    at = begin("pgen");
    put_gen(41, 0);                   /* preset at bag 0 */
    put_gen(48, 100), put_gen(41, 0); /* preset at bag 1: quieter */
    put_gen(0, 0);
    end(at);
    at = begin("inst");
    put_name("instrument"), put16(0), put_name("EOI"), put16(3);
    end(at);
    at = begin("ibag");
    put16(0), put16(0), put16(1), put16(1), put16(4), put16(1), put16(7), put16(1);
    end(at);
    at = begin("imod");
    put16(0x0502), put16(8), put16((unsigned)-2400), put16(0), put16(0);
    put(&(uint8_t[10]){0}, 10);
    end(at);
    at = begin("igen");
    put_gen(38, 1200);                                    /* global: release */
    put_gen(43, 0x3b00), put_gen(54, 1), put_gen(53, 0);  /* keys 0-59, looped */
    put_gen(43, 0x7f3c), put_gen(38, 77), put_gen(53, 0); /* keys 60-127, its own release */
    put_gen(0, 0);
    end(at);
    at = begin("shdr");
    put_sample("sine", start, stop, loop, loop_end, type);
    put_sample("EOS", 0, 0, 0, 0, 0);
    end(at);
    end(list);
}

static void put_head(void)
{
    font.n = 0;
    (void)begin("RIFF");
    put("sfbk", 4);
    const size_t info = begin("LIST");
    put("INFO", 4);
    end(info);
}

static int16_t sine(size_t i)
{
    return (int16_t)(16000 * sin(0.05 * (double)i));
}

static void write_sf2(void)
{
    put_head();
    const size_t list = begin("LIST");
    put("sdta", 4);
    const size_t at = begin("smpl");
    for (size_t i = 0; i < N_SAMPLES + 64; i++) {
        put16((uint16_t)(i >= 8 && i < N_SAMPLES + 8 ? sine(i - 8) : 0));
    }
    end(at);
    end(list);
    put_pdta(8, N_SAMPLES + 8, 108, 1108, 1);
    end(8);
}

static band_font *parse(void)
{
    uint8_t *copy = malloc(font.n);
    memcpy(copy, font.bytes, font.n);
    band_font *ret = NULL;
    const int r = band_font_parse(copy, font.n, &ret);
    cr_assert(r == 0 || r == -EINVAL);
    return ret;
}

static float gen(const band_font *f, band_font_span span, int id)
{
    for (uint32_t i = span.first; i < span.first + span.n; i++) {
        if (f->gens[i].id == id) {
            return f->gens[i].value;
        }
    }
    return NAN;
}

Test(font, reads_presets_zones_and_samples)
{
    write_sf2();
    band_font *f = parse();
    cr_assert_not_null(f);
    cr_assert_eq(f->n_presets, 2);
    cr_expect_eq(f->presets[0].bank, 0);
    cr_expect_eq(f->presets[1].bank, 128);
    cr_expect_eq(f->presets[1].program, 5);
    cr_assert_eq(f->presets[0].layers.n, 2);
    cr_assert_eq(f->n_samples, 1);
    const band_font_sample *s = &f->samples[0];
    cr_expect_eq(s->n, N_SAMPLES);
    cr_expect_eq(s->loop_start, 100);
    cr_expect_eq(s->loop_end, 1100);
    cr_expect_eq(s->rate_hz, 44100);
    cr_expect_eq(s->root_key, 57);
    cr_expect_eq(s->tune_cents, -7);
    cr_expect_eq(s->data[31], sine(31));
    (void)band_font_free(f);
}

Test(font, zones_go_before_their_global_zone)
{
    write_sf2();
    band_font *f = parse();
    cr_assert_not_null(f);
    const band_font_layer *low = &f->layers[f->presets[0].layers.first], *high = low + 1;
    cr_expect_eq(low->key_lo, 0);
    cr_expect_eq(low->key_hi, 59);
    cr_expect_eq(high->key_lo, 60);
    cr_expect_float_eq(gen(f, low->set, 38), 1200, 0);
    cr_expect_float_eq(gen(f, high->set, 38), 77, 0);
    cr_expect_float_eq(gen(f, low->set, 54), 1, 0);
    cr_expect_float_eq(gen(f, low->add, 48), 40, 1e-4, "attenuation counts 0.4");
    cr_assert_eq(low->set_mods.n, 1);
    cr_expect_eq(f->mods[low->set_mods.first].amount, -2400);
    (void)band_font_free(f);
}

Test(font, find_falls_back_to_the_banks_first_program)
{
    const band_font *f = band_bank_font(band_script_bank());
    const size_t piano = band_font_find(f, 0, 0), kit = band_font_find(f, 128, 0);
    cr_expect_neq(piano, kit);
    cr_expect_eq(f->presets[kit].bank, 128);
    cr_expect_eq(band_font_find(f, 128, 99), kit);
    cr_expect_eq(band_font_find(f, 77, 3), 0);
}

static size_t make_ogg(uint8_t *ret, size_t size)
{
    char path[] = "/tmp/band_font_XXXXXX";
    const int fd = mkstemp(path);
    SF_INFO info = {.samplerate = 44100, .channels = 1, .format = SF_FORMAT_OGG | SF_FORMAT_VORBIS};
    SNDFILE *out = sf_open(path, SFM_WRITE, &info);
    cr_assert_not_null(out);
    int16_t samples[N_SAMPLES];
    for (size_t i = 0; i < N_SAMPLES; i++) {
        samples[i] = sine(i);
    }
    cr_assert_eq(sf_writef_short(out, samples, N_SAMPLES), N_SAMPLES);
    (void)sf_close(out);
    const ssize_t n = read(fd, ret, size);
    (void)close(fd);
    (void)unlink(path);
    cr_assert_gt(n, 0);
    return (size_t)n;
}

static void write_sf3(void)
{
    static uint8_t ogg[1 << 15];
    const size_t size = make_ogg(ogg, sizeof(ogg));
    put_head();
    const size_t list = begin("LIST");
    put("sdta", 4);
    const size_t at = begin("smpl");
    put(ogg, size);
    end(at);
    end(list);
    put_pdta(0, size, 100, 1100, 0x11);
    end(8);
}

Test(font, sf3_samples_are_decoded)
{
    write_sf3();
    band_font *f = parse();
    cr_assert_not_null(f);
    cr_assert_eq(f->samples[0].n, N_SAMPLES);
    cr_expect_eq(f->samples[0].loop_end, 1100);
    for (size_t i = 200; i < N_SAMPLES - 200; i++) {
        cr_assert_float_eq(f->samples[0].data[i], sine(i), 1500, "%zu", i);
    }
    (void)band_font_free(f);
}

/* A directory with a soundfont in it, and where its cache file is to be. */
typedef struct place {
    char dir[32];
    char font[64], cache_dir[64];
    char cache[160];
} place;

static place lay_out(void)
{
    place p = {.dir = "/tmp/band_font_XXXXXX"};
    cr_assert_not_null(mkdtemp(p.dir));
    (void)snprintf(p.font, sizeof(p.font), "%s/font", p.dir);
    (void)snprintf(p.cache_dir, sizeof(p.cache_dir), "%s/cache/jam", p.dir);
    cr_assert_eq(rf_file_write_atomic(p.font, font.bytes, font.n, 0600), 0);
    return p;
}

static void clear(const place *p)
{
    char cache[64];
    (void)snprintf(cache, sizeof(cache), "%s/cache", p->dir);
    (void)unlink(p->cache);
    (void)unlink(p->font);
    (void)rmdir(p->cache_dir);
    (void)rmdir(cache);
    cr_expect_eq(rmdir(p->dir), 0, "nothing else is left there");
}

/* Loads, and expects what is decoded into memory, margins and all. */
static band_font *load(place *p, bool cached)
{
    band_font *plain = NULL, *ret = NULL;
    cr_assert_eq(band_font_load(p->font, NULL, &plain), 0);
    cr_assert_eq(band_font_load(p->font, p->cache_dir, &ret), 0);
    cr_expect_eq(ret->cache.mapped, cached);
    const band_font_sample *a = &plain->samples[0], *b = &ret->samples[0];
    cr_assert_eq(a->n, b->n);
    cr_expect_eq(a->loop_start, b->loop_start);
    cr_expect_eq(a->loop_end, b->loop_end);
    cr_expect_eq(memcmp(a->data - BAND_FONT_MARGIN, b->data - BAND_FONT_MARGIN,
                        (a->n + (size_t)2 * BAND_FONT_MARGIN) * sizeof(*a->data)),
                 0);
    (void)snprintf(p->cache, sizeof(p->cache), "%s/%s.pcm", p->cache_dir, ret->sha256);
    (void)band_font_free(plain);
    return ret;
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0, "%s", path);
    return st.st_ino;
}

Test(font, an_sf2_plays_from_its_mapped_file)
{
    write_sf2();
    place p = lay_out();
    band_font *f = load(&p, false);
    cr_expect(f->file.mapped);
    cr_expect_eq(f->samples[0].data[31], sine(31));
    band_font_fetch(f);
    cr_expect_neq(access(p.cache_dir, F_OK), 0, "nothing is decoded, no cache is made");
    (void)band_font_free(f);
    clear(&p);
}

Test(font, a_cache_is_made_once_and_used_again)
{
    write_sf3();
    place p = lay_out();
    (void)band_font_free(load(&p, true));
    const ino_t made = inode_of(p.cache);
    band_font *again = load(&p, true);
    band_font_fetch(again);
    cr_expect_eq(inode_of(p.cache), made);
    (void)band_font_free(again);
    clear(&p);
}

Test(font, a_torn_cache_is_not_used_but_made_anew)
{
    write_sf3();
    place p = lay_out();
    (void)band_font_free(load(&p, true));
    struct stat whole, now;
    cr_assert_eq(stat(p.cache, &whole), 0);
    static const int cuts[] = {0, 1, 100, 4096, 4100};
    for (size_t i = 0; i < RF_ARRAY_LEN(cuts); i++) {
        cr_assert_eq(truncate(p.cache, cuts[i]), 0);
        (void)band_font_free(load(&p, true));
        cr_assert_eq(stat(p.cache, &now), 0);
        cr_expect_eq(now.st_size, whole.st_size, "cut at %d", cuts[i]);
    }
    clear(&p);
}

Test(font, a_cache_with_any_other_front_is_not_used)
{
    write_sf3();
    place p = lay_out();
    (void)band_font_free(load(&p, true));
    for (off_t at = 0; at < 120 + 16; at++) {
        const int fd = open(p.cache, O_RDWR | O_CLOEXEC);
        uint8_t byte = 0;
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        const ino_t bad = inode_of(p.cache);
        (void)band_font_free(load(&p, true));
        cr_expect_neq(inode_of(p.cache), bad, "byte %lld", (long long)at);
        (void)close(fd); /* held it, so that its inode is not given again */
    }
    clear(&p);
}

Test(font, another_fonts_cache_goes_when_one_is_made)
{
    write_sf3();
    place p = lay_out();
    (void)band_font_free(load(&p, true));
    char old[sizeof(p.cache)];
    (void)rf_copy_str(old, sizeof(old), p.cache);
    font.bytes[font.n - 1] ^= 1; /* of the closing record */
    cr_assert_eq(rf_file_write_atomic(p.font, font.bytes, font.n, 0600), 0);
    (void)band_font_free(load(&p, true));
    cr_expect_str_neq(old, p.cache);
    cr_expect_neq(access(old, F_OK), 0);
    cr_expect_eq(access(p.cache, F_OK), 0);
    clear(&p);
}

Test(font, without_a_cache_directory_it_decodes_into_memory)
{
    write_sf3();
    place p = lay_out();
    (void)rf_copy_str(p.cache_dir, sizeof(p.cache_dir), "/proc/nowhere");
    (void)band_font_free(load(&p, false));
    (void)rf_copy_str(p.cache_dir, sizeof(p.cache_dir), p.font);
    (void)band_font_free(load(&p, false));
    clear(&p);
}

Test(font, a_full_disk_leaves_it_in_memory)
{
    write_sf3();
    place p = lay_out();
    const struct rlimit little = {5000, 5000};
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    (void)band_font_free(load(&p, false));
    cr_expect_neq(access(p.cache, F_OK), 0, "what is not whole has no name");
    clear(&p);
}

Test(font, a_cut_file_is_refused)
{
    write_sf2();
    const size_t whole = font.n;
    for (size_t n = 0; n < whole; n += 37) {
        font.n = n;
        cr_expect_null(parse(), "%zu of %zu bytes", n, whole);
    }
}

Test(font, a_damaged_file_does_no_harm)
{
    write_sf2();
    const size_t tables = 8 + (N_SAMPLES + 64) * 2;
    for (size_t i = tables; i < font.n; i++) {
        for (int value = 0; value < 256; value += 85) {
            const uint8_t old = font.bytes[i];
            font.bytes[i] = (uint8_t)value;
            (void)band_font_free(parse());
            font.bytes[i] = old;
        }
    }
    band_font *sound = parse();
    cr_expect_not_null(sound);
    (void)band_font_free(sound);
}
