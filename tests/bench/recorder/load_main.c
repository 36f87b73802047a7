/*
 * bench_recorder_load: publishers and consumers of a reflection-recorder, by RPC.
 *
 *     bench_recorder_load play URL SESSIONS SECONDS CONNECTIONS PID
 *     bench_recorder_load chunks URL CONSUMERS MINUTES PID
 *     bench_recorder_load extract URL MINUTES EXTRACTS PID
 *     bench_recorder_load files URL EXTRACTS NAME...
 *     bench_recorder_load interrupt URL SESSIONS SECONDS WINDOW_S
 *     bench_recorder_load probe URL
 *     bench_recorder_load count URL STATE
 *
 * PID is the recorder's, whose processor time and memory are read from /proc. The last line is JSON
 * (load_run.h says of what).
 */
#include "load_run.h"
#include "load_watch.h"

#include <stdlib.h>
#include <string.h>

static int number(const char *text)
{
    const long n = strtol(text, NULL, 10);
    if (n < 1 || n > INT32_MAX) {
        load_die("%s: a number from 1", text);
    }
    return (int)n;
}

int main(int argc, char **argv)
{
    const char *run = argc > 2 ? argv[1] : "";
    if (strcmp(run, "play") == 0 && argc == 7) {
        load_play(argv[2], number(argv[3]), number(argv[4]), number(argv[5]), number(argv[6]));
    } else if (strcmp(run, "chunks") == 0 && argc == 6) {
        load_chunks(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
    } else if (strcmp(run, "extract") == 0 && argc == 6) {
        load_extract(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
    } else if (strcmp(run, "files") == 0 && argc > 4) {
        load_files(argv[2], number(argv[3]), argv + 4, argc - 4);
    } else if (strcmp(run, "interrupt") == 0 && argc == 6) {
        load_interrupt(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
    } else if (strcmp(run, "probe") == 0 && argc == 3) {
        load_probe(argv[2]);
    } else if (strcmp(run, "count") == 0 && argc == 4) {
        load_count(argv[2], argv[3]);
    } else {
        load_die("play, chunks, extract, files, interrupt, probe or count, see load_main.c");
    }
    return 0;
}
