/* corpus_make - renders pieces of the synthetic corpus; see README.md. */
#include "corpus_render.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct settings {
    corpus_half half;
    int first, count;
    const char *out;
    corpus_render_options render;
} settings;

static int usage(FILE *to, int code)
{
    (void)fputs(
        "usage: corpus_make --half=tune|gate [--first=N] [--count=N] [--mixes=clean,reverb,mp3]\n"
        "                   [--stems] --out=DIRECTORY\n"
        "Writes DIRECTORY/<half>-<NNN>/{clean,reverb,mp3}.wav and truth.json; pieces that are\n"
        "there already are left as they are.\n",
        to);
    return code;
}

static unsigned parse_mixes(const char *list)
{
    return (strstr(list, "clean") != NULL ? (unsigned)CORPUS_MIX_CLEAN : 0u) |
           (strstr(list, "reverb") != NULL ? (unsigned)CORPUS_MIX_REVERB : 0u) |
           (strstr(list, "mp3") != NULL ? (unsigned)CORPUS_MIX_MP3 : 0u);
}

static bool parse(int argc, char **argv, settings *s)
{
    static const struct option options[] = {{"half", required_argument, NULL, 'h'},
                                            {"first", required_argument, NULL, 'f'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"mixes", required_argument, NULL, 'm'},
                                            {"stems", no_argument, NULL, 's'},
                                            {"out", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int64_t number = 0;
        if ((c == 'f' || c == 'c') && (rf_parse_i64(optarg, &number) != 0 || number < 0)) {
            return false;
        }
        switch (c) {
        case 'h':
            s->half = strcmp(optarg, "gate") == 0 ? CORPUS_GATE : CORPUS_TUNE;
            break;
        case 'f':
            s->first = (int)number;
            break;
        case 'c':
            s->count = (int)number;
            break;
        case 'm':
            s->render.mixes = parse_mixes(optarg);
            break;
        case 's':
            s->render.stems = true;
            break;
        case 'o':
            s->out = optarg;
            break;
        default:
            return false;
        }
    }
    return s->out != NULL && s->render.mixes != 0 && optind == argc;
}

static bool is_done(const char *directory)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/truth.json", directory);
    return access(path, R_OK) == 0;
}

/* Fonts are loaded once, when a piece first needs them. */
static int render(corpus_synth **synths, const settings *s, int index)
{
    corpus_piece *piece = corpus_piece_new(s->half, index);
    RF_CLEANUP(rf_cleanup_free) char *directory = rf_asprintf("%s/%s", s->out, piece->name);
    int rc = 0;
    int font = piece->sound.font;
    if (!is_done(directory)) {
        if (synths[font] == NULL) {
            rc = corpus_synth_new(font, &synths[font]);
        }
        if (rc == -ENOENT) {
            (void)fprintf(stderr, "corpus_make: install the package %s\n",
                          corpus_font_package(font));
        }
        rc = rc == 0 ? corpus_render_files(synths[font], piece, &s->render, directory) : rc;
    }
    if (rc == 0) {
        (void)printf("%s\n", directory);
        (void)fflush(stdout);
    }
    corpus_piece_free(piece);
    return rc;
}

int main(int argc, char **argv)
{
    settings s = {.half = CORPUS_TUNE,
                  .count = 1,
                  .render = {.mixes = CORPUS_MIX_CLEAN | CORPUS_MIX_REVERB | CORPUS_MIX_MP3}};
    if (!parse(argc, argv, &s)) {
        return usage(stderr, 2);
    }
    corpus_synth *synths[CORPUS_N_FONTS] = {NULL};
    int rc = 0;
    for (int i = s.first; i < s.first + s.count && rc == 0; i++) {
        rc = render(synths, &s, i);
    }
    for (int i = 0; i < CORPUS_N_FONTS; i++) {
        synths[i] = corpus_synth_free(synths[i]);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "corpus_make: %s\n", strerror(-rc));
    }
    return rc == 0 ? 0 : 1;
}
