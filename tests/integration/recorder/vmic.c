#include "vmic.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536
#define TONE_S 20
#define AWAKE_BYTES 19200 /* 100 ms */
#define PATIENCE_MS 20000

static pid_t spawn(const char *const *words, int out_fd)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null_fd = open("/dev/null", O_RDWR);
        dup2(null_fd, STDIN_FILENO);
        dup2(out_fd >= 0 ? out_fd : null_fd, STDOUT_FILENO);
        dup2(null_fd, STDERR_FILENO);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    return pid;
}

pid_t vmic_spawn(const char *const *words)
{
    return spawn(words, -1);
}

void vmic_end(pid_t *pid, int signal_no)
{
    if (*pid > 0) {
        kill(*pid, signal_no);
        waitpid(*pid, NULL, 0);
        *pid = 0;
    }
}

int vmic_ctl(char **ret_out, const char *const *words)
{
    const char *all[16] = {"pactl"};
    for (size_t i = 0; words[i] != NULL && i + 2 < RF_ARRAY_LEN(all); i++) {
        all[i + 1] = words[i];
    }
    int fds[2];
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = spawn(all, fds[1]);
    close(fds[1]);
    char *out = rf_alloc(OUTPUT_MAX + 1);
    size_t len = 0;
    ssize_t n;
    while (len < OUTPUT_MAX && (n = read(fds[0], out + len, OUTPUT_MAX - len)) > 0) {
        len += (size_t)n;
    }
    close(fds[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (ret_out != NULL) {
        *ret_out = out;
    } else {
        free(out);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
}

static void set_env(const char *name, const char *dir, const char *prefix, const char *suffix)
{
    RF_CLEANUP(rf_cleanup_free) char *value = rf_asprintf("%s%s%s", prefix, dir, suffix);
    setenv(name, value, 1);
}

void vmic_setup(vmic *mic)
{
    *mic = (vmic){.dir = rf_strdup("/tmp/vmic-XXXXXX")};
    cr_assert_not_null(mkdtemp(mic->dir));
    set_env("HOME", mic->dir, "", "");
    set_env("XDG_RUNTIME_DIR", mic->dir, "", "");
    set_env("PULSE_RUNTIME_PATH", mic->dir, "", "");
    set_env("PULSE_STATE_PATH", mic->dir, "", "");
    set_env("PULSE_SERVER", mic->dir, "unix:", "/socket");
    unsetenv("PULSE_SOURCE");
    unsetenv("DBUS_SESSION_BUS_ADDRESS");
    write_text(mic->dir, ".asoundrc",
               "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
               "pcm.pulse { type pulse }\nctl.pulse { type pulse }\n");
}

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* Without a reader the sink renders in blocks of up to two seconds; the first of them is waited for
 * here. */
static void keep_awake(vmic *mic)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/awake.raw", mic->dir);
    unlink(path);
    mic->reader = vmic_spawn((const char *const[]){"parec", "--device=vmic.monitor",
                                                   "--latency-msec=10", "--raw", path, NULL});
    int64_t until = rf_time_ns() + PATIENCE_MS * RF_NS_PER_MS;
    struct stat st;
    while (stat(path, &st) != 0 || st.st_size < AWAKE_BYTES) {
        cr_assert_lt(rf_time_ns(), until, "the virtual microphone is silent");
        pause_ms(20);
    }
}

void vmic_up(vmic *mic)
{
    RF_CLEANUP(rf_cleanup_free)
    char *protocol = rf_asprintf(
        "--load=module-native-protocol-unix auth-anonymous=1 socket=%s/socket", mic->dir);
    mic->server = vmic_spawn((const char *const[]){
        "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
        "--realtime=no", "--high-priority=no", "--log-target=null",
        "--load=module-null-sink sink_name=vmic rate=48000 channels=2 format=s16le", protocol,
        NULL});
    int64_t until = rf_time_ns() + PATIENCE_MS * RF_NS_PER_MS;
    while (VMIC_CTL("info") != 0) {
        cr_assert_lt(rf_time_ns(), until, "PulseAudio does not answer");
        pause_ms(20);
    }
    VMIC_CTL("set-default-sink", "vmic");
    VMIC_CTL("set-default-source", "vmic.monitor");
    keep_awake(mic);
}

void vmic_load(vmic *mic)
{
    cr_assert_eq(VMIC_CTL("load-module", "module-null-sink", "sink_name=vmic", "rate=48000",
                          "channels=2", "format=s16le"),
                 0);
    VMIC_CTL("set-default-source", "vmic.monitor");
    keep_awake(mic);
}

void vmic_unload(vmic *mic)
{
    cr_assert_eq(VMIC_CTL("unload-module", "module-null-sink"), 0);
    vmic_end(&mic->reader, SIGKILL);
}

/* Whether the last that the reader has written is more than silence. */
static bool sounds(const char *path)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char tail[AWAKE_BYTES];
    ssize_t n = 0;
    if (fd >= 0 && lseek(fd, -AWAKE_BYTES, SEEK_END) >= 0) {
        n = read(fd, tail, sizeof(tail));
    }
    for (ssize_t i = 0; i < n; i++) {
        if (tail[i] != 0) {
            return true;
        }
    }
    return false;
}

static void wait_for_sound(const vmic *mic)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/awake.raw", mic->dir);
    int64_t until = rf_time_ns() + PATIENCE_MS * RF_NS_PER_MS;
    while (!sounds(path)) {
        cr_assert_lt(rf_time_ns(), until, "nothing plays");
        pause_ms(20);
    }
    pause_ms(100); /* so that its begin has gone by */
}

void vmic_tone(vmic *mic)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/tone.raw", mic->dir);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    for (int i = 0; i < TONE_S * VMIC_RATE; i++) {
        double v = VMIC_TONE_LEVEL * sin(2 * M_PI * VMIC_TONE_HZ * i / VMIC_RATE);
        int16_t both[2] = {(int16_t)lrint(v * 32767), (int16_t)lrint(v * 32767)};
        fwrite(both, sizeof(both), 1, f);
    }
    fclose(f);
    mic->player = vmic_spawn((const char *const[]){"pacat", "--playback", "--device=vmic",
                                                   "--latency-msec=500", "--raw", "--rate=48000",
                                                   "--channels=2", "--format=s16le", path, NULL});
    wait_for_sound(mic);
}

void vmic_kill(vmic *mic)
{
    vmic_end(&mic->server, SIGKILL);
    vmic_end(&mic->reader, SIGKILL);
    vmic_end(&mic->player, SIGKILL);
}

void vmic_down(vmic *mic)
{
    vmic_end(&mic->player, SIGKILL);
    vmic_end(&mic->reader, SIGKILL);
    vmic_end(&mic->server, SIGTERM);
    pid_t rm = vmic_spawn((const char *const[]){"rm", "-rf", mic->dir, NULL});
    waitpid(rm, NULL, 0);
    free(mic->dir);
}
