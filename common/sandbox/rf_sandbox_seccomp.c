/* The allow-list of system calls. What is not in a table ends the process. */
#include "rf_sandbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Memory, time, and reading and writing what is open already. */
static const int allowed_calls[] = {SCMP_SYS(read),
                                    SCMP_SYS(write),
                                    SCMP_SYS(readv),
                                    SCMP_SYS(writev),
                                    SCMP_SYS(pread64),
                                    SCMP_SYS(pwrite64),
                                    SCMP_SYS(lseek),
                                    SCMP_SYS(close),
                                    SCMP_SYS(fstat),
                                    SCMP_SYS(recvmsg),
                                    SCMP_SYS(sendmsg),
                                    SCMP_SYS(recvfrom),
                                    SCMP_SYS(sendto),
                                    SCMP_SYS(poll),
                                    SCMP_SYS(ppoll),
                                    SCMP_SYS(munmap),
                                    SCMP_SYS(mremap),
                                    SCMP_SYS(madvise),
                                    SCMP_SYS(brk),
                                    SCMP_SYS(futex),
                                    SCMP_SYS(sched_yield),
                                    SCMP_SYS(clock_gettime),
                                    SCMP_SYS(clock_getres),
                                    SCMP_SYS(clock_nanosleep),
                                    SCMP_SYS(nanosleep),
                                    SCMP_SYS(gettimeofday),
                                    SCMP_SYS(time),
                                    SCMP_SYS(getpid),
                                    SCMP_SYS(gettid),
                                    SCMP_SYS(getppid),
                                    SCMP_SYS(getrandom),
                                    SCMP_SYS(getcpu),
                                    SCMP_SYS(sched_getaffinity),
                                    SCMP_SYS(getrusage),
                                    SCMP_SYS(getrlimit),
                                    SCMP_SYS(sysinfo),
                                    SCMP_SYS(rt_sigaction),
                                    SCMP_SYS(rt_sigreturn),
                                    SCMP_SYS(rt_sigprocmask),
                                    SCMP_SYS(sigaltstack),
                                    SCMP_SYS(rseq),
                                    SCMP_SYS(set_robust_list),
                                    SCMP_SYS(membarrier),
                                    SCMP_SYS(exit),
                                    SCMP_SYS(exit_group),
                                    SCMP_SYS(restart_syscall)};

/* Libraries try these and can live without: they fail and do nothing. */
static const struct {
    int call;
    int error;
} refused_calls[] = {
    {SCMP_SYS(open), EACCES},
    {SCMP_SYS(openat), EACCES},
    {SCMP_SYS(openat2), EACCES},
    {SCMP_SYS(creat), EACCES},
    {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},
    {SCMP_SYS(statx), EACCES},
    {SCMP_SYS(newfstatat), EACCES},
    {SCMP_SYS(access), EACCES},
    {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES},
    {SCMP_SYS(readlink), EACCES},
    {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(getcwd), EACCES},
    {SCMP_SYS(ioctl), ENOTTY},
    {SCMP_SYS(prlimit64), EPERM},
    {SCMP_SYS(mlock), EPERM},
    {SCMP_SYS(munlock), EPERM},
    {SCMP_SYS(sched_setaffinity), EPERM},
    {SCMP_SYS(sched_setscheduler), EPERM},
    {SCMP_SYS(setpriority), EPERM},
    {SCMP_SYS(clone3), ENOSYS}, /* its flags cannot be checked */
};

static int allow_plain(scmp_filter_ctx filter)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(allowed_calls); i++) {
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    }
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(refused_calls); i++) {
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)refused_calls[i].error),
                               refused_calls[i].call, 0);
    }
    return err;
}

/* Memory may be mapped, never as code. */
static int allow_memory(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int err = 0;
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(calls); i++) {
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (err == 0) {
            err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 1,
                                   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
        }
    }
    return err;
}

/* abort() must look like a crash, and threads may get names; nobody else may be signalled. */
static int allow_self(scmp_filter_ctx filter)
{
    int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    if (err == 0) {
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    }
    if (err == 0) {
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_NE, PR_SET_NAME, 0));
    }
    return err;
}

static int allow_fcntl(scmp_filter_ctx filter)
{
    static const scmp_datum_t commands[] = {F_GETFD, F_GETFL, F_GET_SEALS};
    int err = 0;
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(commands); i++) {
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                               SCMP_A1(SCMP_CMP_EQ, commands[i], 0));
    }
    return err;
}

static int allow_threads(scmp_filter_ctx filter)
{
    const scmp_datum_t thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
}

static int build(scmp_filter_ctx filter, const rf_sandbox_profile *profile)
{
    int err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (err == 0) {
        err = allow_plain(filter);
    }
    if (err == 0) {
        err = allow_memory(filter);
    }
    if (err == 0) {
        err = allow_self(filter);
    }
    if (err == 0) {
        err = allow_fcntl(filter);
    }
    if (err == 0 && profile->threads) {
        err = allow_threads(filter);
    }
    return err;
}

int rf_sandbox_lock_calls(const rf_sandbox_profile *profile)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return -ENOMEM;
    }
    int err = build(filter, profile);
    if (err == 0) {
        err = seccomp_load(filter);
    }
    seccomp_release(filter);
    return err;
}
