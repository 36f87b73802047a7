/* Rolling restarts: the program is stopped and started again while publishers send; every one of
 * them attaches again (spec section 10). */
#include "fault_session.h"

#include <criterion/criterion.h>
#include <signal.h>

static const char *const settings = "--recorder.sessions_per_tenant=10000";

static void begin_all(fault_session *all, size_t n, recorder_program *p)
{
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(fault_begin(&all[i], p, "pcm"), FAULT_ALIVE);
    }
}

/* Sends, and does not wait for what is sent: the program is told to stop in the midst of it. */
static void restart(fault_session *all, size_t n, recorder_program *p)
{
    for (size_t i = 0; i < n; i++) {
        fault_send(&all[i], 1 + (int)(i % 7));
    }
    cr_assert_eq(kill(p->pid, SIGTERM), 0);
    for (size_t i = 0; i < n; i++) {
        while (all[i].pub.code[0] == '\0' && publisher_read(&all[i].pub)) {
            all[i].acked = all[i].pub.durable;
        }
        fault_leave(&all[i]);
    }
    program_stop(p);
    program_start(p, settings, NULL);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(fault_attach(&all[i], p), FAULT_ALIVE);
        cr_assert_str_empty(all[i].pub.code, "every publisher attaches again");
    }
}

Test(restarts, S8_D2_every_publisher_attaches_again_and_no_frame_is_lost_or_doubled,
     .timeout = 7000)
{
    const size_t n = figures_are_long() ? 1000 : 100;
    const int n_restarts = figures_are_long() ? 100 : 5;
    recorder_program p;
    fault_session *all = RF_NEW_ARRAY(fault_session, n);
    program_init(&p);
    program_start(&p, settings, NULL);
    begin_all(all, n, &p);
    for (int i = 0; i < n_restarts; i++) {
        restart(all, n, &p);
    }
    for (size_t i = 0; i < n; i++) {
        fault_send(&all[i], 1);
    }
    for (size_t i = 0; i < n; i++) {
        publisher_durable(&all[i].pub, all[i].sent);
        all[i].acked = all[i].sent;
        fault_leave(&all[i]);
        fault_finish(&all[i], &p);
    }
    fault_expect_objects(&p);
    program_stop(&p);
    fault_expect_events(&p, all, n);
    program_done(&p);
    free(all);
}
