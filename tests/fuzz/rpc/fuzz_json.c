/* JSON to job.v1.Job and back; what was accepted once must be accepted again, and come out the
 * same. */
#include "rf_rpc_json.h"

#include <reflection/job/v1/job.rpc.h>

#define MAX_TEXT ((size_t)1 << 20)

static void check_again(const rf_rpc_schema *s, rf_buf *text)
{
    rf_buf packed;
    rf_buf again;
    rf_status st;
    rf_buf_init(&packed, MAX_TEXT);
    rf_buf_init(&again, MAX_TEXT);
    if (rf_rpc_json_decode(s, "job.v1.Job", (const char *)text->data, text->len, NULL, &packed,
                           &st) != 0 ||
        rf_rpc_json_encode(s, "job.v1.Job", packed.data, packed.len, NULL, &again, &st) != 0) {
        abort();
    }
    rf_buf_done(&packed);
    rf_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rf_rpc_schema *s;
    const rf_rpc_file *f = &reflection_job_v1_job_file;
    if (s == NULL && rf_rpc_schema_new(f->set, f->set_len, &s) != 0) {
        abort();
    }
    rf_buf packed;
    rf_buf text;
    rf_status st;
    rf_buf_init(&packed, MAX_TEXT);
    rf_buf_init(&text, MAX_TEXT);
    int err = rf_rpc_json_decode(s, "job.v1.Job", (const char *)data, size, NULL, &packed, &st);
    if (err == 0 &&
        rf_rpc_json_encode(s, "job.v1.Job", packed.data, packed.len, NULL, &text, &st) == 0) {
        check_again(s, &text);
    }
    rf_buf_done(&packed);
    rf_buf_clear(&text);
    if (rf_rpc_json_encode(s, "job.v1.Job", data, size, NULL, &text, &st) == 0) {
        check_again(s, &text);
    }
    rf_buf_done(&text);
    return 0;
}
