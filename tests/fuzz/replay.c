/* Runs LLVMFuzzerTestOneInput over every file of the corpus directories given: the ctest form of a
 * fuzz target. Fails when there is nothing to replay. */
#include "rf_buf.h"
#include "rf_file.h"

#include <dirent.h>
#include <stdio.h>

#define CORPUS_FILE_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    rf_buf input;
    rf_buf_init(&input, CORPUS_FILE_MAX);
    int err = rf_file_read(path, &input);
    if (err == 0) {
        LLVMFuzzerTestOneInput(input.len > 0 ? input.data : (const uint8_t *)"", input.len);
    }
    rf_buf_done(&input);
    return err;
}

static int replay_dir(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    if (d == NULL) {
        return 0;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_type == DT_REG) {
            RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, e->d_name);
            n += replay_file(path) == 0 ? 1 : 0;
        }
    }
    closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        n += replay_dir(argv[i]);
    }
    printf("%d inputs replayed\n", n);
    return n > 0 ? 0 : 1;
}
