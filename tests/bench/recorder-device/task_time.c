#include "task_time.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH 300
#define WORD 64

/* The first word of a thread's file. */
static bool read_word(pid_t pid, const char *thread, const char *name, char word[WORD])
{
    char path[PATH];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, thread, name);
    FILE *f = fopen(path, "r");
    bool is_there = f != NULL && fscanf(f, "%63s", word) == 1;
    if (f != NULL) {
        fclose(f);
    }
    return is_there;
}

static task_kind kind_of(pid_t pid, const char *thread)
{
    char name[WORD];
    if (strtol(thread, NULL, 10) == pid) {
        return TASK_OWNER;
    }
    return read_word(pid, thread, "comm", name) && strncmp(name, "journal", 7) == 0 ? TASK_JOURNAL
                                                                                    : TASK_OTHER;
}

int task_time_read(pid_t pid, task_time *ret)
{
    char word[WORD];
    (void)snprintf(word, sizeof(word), "/proc/%d/task", (int)pid);
    DIR *dir = opendir(word);
    if (dir == NULL) {
        return -ENOENT;
    }
    *ret = (task_time){0};
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.' && read_word(pid, e->d_name, "schedstat", word)) {
            ret->s[kind_of(pid, e->d_name)] += strtod(word, NULL) / 1e9;
        }
    }
    closedir(dir);
    return 0;
}

double task_time_all(const task_time *time)
{
    double all_s = 0;
    for (int i = 0; i < TASK_N_KINDS; i++) {
        all_s += time->s[i];
    }
    return all_s;
}
