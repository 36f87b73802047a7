/* cli_demo.c - `reflection demo`: a song of our own through music-ai/music-analysis. */
#include "cli.h"

#include "cli_analyse.h"
#include "cli_song.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: reflection demo [--out FILE] [--soundfont FILE] [--no-analysis] [--data DIR]\n\n"
    "Renders the demo song (40 bars, G major, 112 bpm) into FILE (default: demo.wav in the data\n"
    "directory), analyses it on the running platform and prints the lead sheet.\n";

static const struct option options[] = {
    {"out", required_argument, NULL, 'o'},   {"soundfont", required_argument, NULL, 's'},
    {"no-analysis", no_argument, NULL, 'n'}, {"data", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
};

static int render(const char *path, const char *soundfont)
{
    rf_buf error;
    rf_buf_init(&error, 1024);
    int err = cli_song_render(path, soundfont, &error);
    if (err < 0) {
        cli_fail(CLI_FAILED, "%s", rf_buf_str(&error));
    } else {
        printf("Song   %s\n", path);
        fflush(stdout);
    }
    rf_buf_done(&error);
    return err < 0 ? CLI_FAILED : CLI_OK;
}

static int analyse(const char *path, const char *data)
{
    cli_server server;
    int code = cli_server_find(data, &server);
    if (code == CLI_OK) {
        cli_http *h = cli_http_new(&server);
        code = cli_analyse_file(h, path, false);
        cli_http_free(h);
        cli_server_done(&server);
    }
    return code;
}

int cli_demo_main(int argc, char **argv)
{
    const char *out = NULL;
    const char *soundfont = NULL;
    const char *data = NULL;
    bool only_song = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'o':
            out = optarg;
            break;
        case 's':
            soundfont = optarg;
            break;
        case 'n':
            only_song = true;
            break;
        case 'd':
            data = optarg;
            break;
        default:
            fputs(help, c == 'h' ? stdout : stderr);
            return c == 'h' ? CLI_OK : CLI_USAGE;
        }
    }
    RF_CLEANUP(rf_cleanup_free) char *dir = cli_data_dir(data);
    RF_CLEANUP(rf_cleanup_free)
    char *path = out != NULL ? rf_strdup(out) : rf_asprintf("%s/demo.wav", dir);
    int code = render(path, soundfont);
    return code == CLI_OK && !only_song ? analyse(path, data) : code;
}
