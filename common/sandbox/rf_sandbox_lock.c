/* Network namespace, privileges and Landlock. The kernel's ABI is used directly: the C library has
 * no wrappers for it, and the distribution's headers know its first versions only. */
#include "rf_sandbox_lock.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int rf_sandbox_lock_network(void)
{
    if (unshare(CLONE_NEWNET) == 0) {
        return 0;
    }
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : -errno;
}

int rf_sandbox_lock_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, none) != 0) {
        return -errno;
    }
    return 0;
}

/* linux/landlock.h as of ABI 6 (Linux 6.12). */
typedef struct landlock_rules {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
} landlock_rules;

enum {
    LANDLOCK_CREATE_RULESET = 444, /* system call numbers, the same on every architecture */
    LANDLOCK_RESTRICT_SELF = 446,
    LANDLOCK_VERSION_FLAG = 1,
};

/* Every right that version `abi` knows: nothing is granted, so all of it is denied. */
static landlock_rules all_rights(int abi)
{
    static const int n_fs_rights[] = {13, 14, 15, 15, 16}; /* REFER, TRUNCATE, -, IOCTL_DEV */
    int last = (int)RF_ARRAY_LEN(n_fs_rights) - 1;
    int n_fs = n_fs_rights[RF_MIN(abi - 1, last)];
    return (landlock_rules){.handled_access_fs = (1ULL << n_fs) - 1,
                            .handled_access_net = abi >= 4 ? 3 : 0, /* bind, connect */
                            .scoped = abi >= 6 ? 3 : 0};            /* abstract sockets, signals */
}

static size_t rules_size(int abi)
{
    if (abi >= 6) {
        return sizeof(landlock_rules);
    }
    return abi >= 4 ? offsetof(landlock_rules, scoped)
                    : offsetof(landlock_rules, handled_access_net);
}

int rf_sandbox_lock_files(void)
{
    long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION_FLAG);
    if (abi < 1) {
        return -errno;
    }
    landlock_rules rules = all_rights((int)abi);
    RF_CLEANUP(rf_cleanup_close)
    int fd = (int)syscall(LANDLOCK_CREATE_RULESET, &rules, rules_size((int)abi), 0);
    if (fd < 0 || syscall(LANDLOCK_RESTRICT_SELF, fd, 0) != 0) {
        return -errno;
    }
    return 0;
}
