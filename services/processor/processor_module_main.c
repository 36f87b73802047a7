/*
 * reflection-module: the child in which one module runs once, under common/sandbox. It sees the
 * descriptors of its task and nothing else.
 */
#include "processor_wire.h"
#include "rf_sandbox_child.h"

#include <errno.h>

static int reply(rf_buf *b)
{
    int err = rf_buf_error(b);
    err = err == 0 ? rf_sandbox_reply(b->data, b->len) : err;
    rf_buf_done(b);
    return err;
}

/* Only whole percents travel. The parent kills a cancelled child, so nothing is asked here. */
static bool on_progress(processor_call *call, double percent)
{
    unsigned *last = call->host;
    unsigned whole = percent >= 100.0 ? 100 : percent > 0.0 ? (unsigned)percent : 0;
    if (whole > *last) {
        rf_buf b;
        rf_buf_init(&b, PROCESSOR_WIRE_MAX);
        processor_wire_progress(whole, &b);
        *last = whole;
        return reply(&b) < 0;
    }
    return false;
}

static int run(const rf_sandbox_work *work, void *user)
{
    (void)user;
    const processor_module *module = NULL;
    processor_value in[PROCESSOR_MAX_PORTS];
    processor_value out[PROCESSOR_MAX_PORTS];
    unsigned last = 0;
    rf_buf b;
    int err =
        processor_wire_read_task(work->data, work->len, work->fds, work->n_fds, &module, in, out);
    if (err < 0 || module->run == NULL || module->abi != PROCESSOR_MODULE_ABI) {
        return EXIT_FAILURE;
    }
    processor_call call = {.in = in, .out = out, .progress = on_progress, .host = &last};
    err = module->run(&call);
    rf_buf_init(&b, PROCESSOR_WIRE_MAX);
    processor_wire_end(err, call.message, out, module->n_out, &b);
    return reply(&b) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
    return rf_sandbox_serve(&(rf_sandbox_profile){.threads = false}, run, NULL);
}
