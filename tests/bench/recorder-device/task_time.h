/* task_time.h - processor time of a program's threads, by what they do; in seconds, from the
 * scheduler, since ticks are too coarse. Any thread. */
#ifndef TASK_TIME_H
#define TASK_TIME_H

#include <sys/types.h>

typedef enum task_kind {
    TASK_OWNER,   /* the first thread: the owner loop */
    TASK_JOURNAL, /* threads whose name begins with "journal" */
    TASK_OTHER,   /* of the sound libraries, which have no names of their own, and of idle pools */
    TASK_N_KINDS
} task_kind;

typedef struct task_time {
    double s[TASK_N_KINDS];
} task_time;

/* task_time_read: 0, or -ENOENT when there is no such process. */
int task_time_read(pid_t pid, task_time *ret);

double task_time_all(const task_time *time);

#endif
