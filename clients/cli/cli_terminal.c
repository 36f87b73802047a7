#include "cli_terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t is_raw;
static bool is_guarded;

void cli_terminal_restore(void)
{
    if (is_raw) {
        is_raw = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    }
}

/* The handler is gone already (SA_RESETHAND): the signal does its work when this returns. */
static void on_fault(int signal)
{
    cli_terminal_restore();
    (void)raise(signal);
}

static void guard(void)
{
    static const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SIGSYS};
    const struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < RF_ARRAY_LEN(faults); i++) {
        (void)sigaction(faults[i], &action, NULL);
    }
    (void)atexit(cli_terminal_restore);
    is_guarded = true;
}

void cli_terminal_raw(void)
{
    if (is_raw || tcgetattr(STDIN_FILENO, &saved) < 0) {
        return;
    }
    if (!is_guarded) {
        guard();
    }
    struct termios raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_raw = 1;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0) {
        is_raw = 0;
    }
}

size_t cli_terminal_columns(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO)) {
        return 0;
    }
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : 80;
}
