#include "processor_wire.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x52464d31u
#define PROGRESS 1
#define END 2

/* ---- writing ---- */

static void put_string(rf_buf *b, const char *s)
{
    uint32_t len = s == NULL ? 0 : (uint32_t)strlen(s);
    rf_buf_append(b, &len, sizeof(len));
    rf_buf_append(b, s, len);
}

#define NO_PLACE 0xFF /* -1 as it travels */

static void put_value(rf_buf *b, const processor_value *v, int8_t fd)
{
    uint8_t type = (uint8_t)v->type;
    rf_buf_append(b, &type, sizeof(type));
    rf_buf_append(b, &fd, sizeof(fd));
    rf_buf_append(b, &v->size, sizeof(v->size));
    rf_buf_append(b, &v->audio.rate_hz, sizeof(v->audio.rate_hz));
    rf_buf_append(b, &v->audio.channels, sizeof(v->audio.channels));
    rf_buf_append(b, &v->audio.n_frames, sizeof(v->audio.n_frames));
    rf_buf_append(b, &v->audio.source_bits, sizeof(v->audio.source_bits));
    put_string(b, v->text);
}

static int add_fd(int fd, int fds[PROCESSOR_WIRE_FDS], size_t *n)
{
    if (fd < 0) {
        return -1;
    }
    if (*n == PROCESSOR_WIRE_FDS) {
        return -E2BIG;
    }
    fds[*n] = fd;
    return (int)(*n)++;
}

int processor_wire_task(const processor_module *module, const processor_value *in,
                        const processor_value *out, rf_buf *ret, int fds[PROCESSOR_WIRE_FDS],
                        size_t *ret_n_fds)
{
    uint32_t magic = MAGIC;
    size_t n = 0;
    rf_buf_append(ret, &magic, sizeof(magic));
    put_string(ret, module->name);
    rf_buf_append_char(ret, (char)module->n_in);
    for (size_t i = 0; i < module->n_in; i++) {
        int place = add_fd(in[i].fd, fds, &n);
        if (place == -E2BIG) {
            return place;
        }
        put_value(ret, &in[i], (int8_t)place);
    }
    rf_buf_append_char(ret, (char)module->n_out);
    for (size_t i = 0; i < module->n_out; i++) {
        int place = add_fd(out[i].fd, fds, &n);
        if (place == -E2BIG) {
            return place;
        }
        rf_buf_append_char(ret, (char)place);
    }
    *ret_n_fds = n;
    return rf_buf_error(ret);
}

int processor_wire_progress(unsigned percent, rf_buf *ret)
{
    rf_buf_append_char(ret, PROGRESS);
    return rf_buf_append_char(ret, (char)percent);
}

int processor_wire_end(int err, const char *message, const processor_value *out, size_t n_out,
                       rf_buf *ret)
{
    int32_t code = err;
    rf_buf_append_char(ret, END);
    rf_buf_append(ret, &code, sizeof(code));
    put_string(ret, message);
    rf_buf_append_char(ret, (char)n_out);
    for (size_t i = 0; i < n_out; i++) {
        put_value(ret, &out[i], -1);
    }
    return rf_buf_error(ret);
}

/* ---- reading ---- */

typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool is_bad;
} reader;

static void get(reader *r, void *ret, size_t len)
{
    if (r->is_bad || len > r->left) {
        r->is_bad = true;
        memset(ret, 0, len);
        return;
    }
    memcpy(ret, r->at, len);
    r->at += len;
    r->left -= len;
}

static uint8_t get_u8(reader *r)
{
    uint8_t value;
    get(r, &value, sizeof(value));
    return value;
}

/* Owned; NULL for an empty or bad string. */
static char *get_string(reader *r)
{
    uint32_t len;
    get(r, &len, sizeof(len));
    if (r->is_bad || len > r->left || memchr(r->at, '\0', len) != NULL) {
        r->is_bad = true;
        return NULL;
    }
    char *text = len == 0 ? NULL : rf_strndup((const char *)r->at, len);
    r->at += len;
    r->left -= len;
    return text;
}

/* The value's descriptor is a place; text is owned. */
static processor_value get_value(reader *r)
{
    processor_value v = PROCESSOR_VALUE_NONE;
    uint8_t type = get_u8(r);
    uint8_t place = get_u8(r);
    r->is_bad |= type > PROCESSOR_FILE;
    v.type = r->is_bad ? PROCESSOR_NONE : (processor_type)type;
    v.fd = place == NO_PLACE ? -1 : place;
    get(r, &v.size, sizeof(v.size));
    get(r, &v.audio.rate_hz, sizeof(v.audio.rate_hz));
    get(r, &v.audio.channels, sizeof(v.audio.channels));
    get(r, &v.audio.n_frames, sizeof(v.audio.n_frames));
    get(r, &v.audio.source_bits, sizeof(v.audio.source_bits));
    v.text = get_string(r);
    return v;
}

/* Turns a place in the list into the descriptor. */
static int fd_at(reader *r, int place, const int *fds, size_t n_fds)
{
    if (place < 0) {
        return -1;
    }
    if ((size_t)place >= n_fds) {
        r->is_bad = true;
        return -1;
    }
    return fds[place];
}

static const processor_module *get_module(reader *r)
{
    RF_CLEANUP(rf_cleanup_free) char *name = get_string(r);
    const processor_module *m = name == NULL ? NULL : processor_module_find(name);
    r->is_bad |= m == NULL;
    return m;
}

static void read_ports(reader *r, const processor_module *m, const int *fds, size_t n_fds,
                       processor_value *in, processor_value *out)
{
    for (size_t i = 0; i < m->n_in; i++) {
        in[i] = get_value(r);
        in[i].fd = fd_at(r, in[i].fd, fds, n_fds);
    }
    r->is_bad |= get_u8(r) != m->n_out;
    for (size_t i = 0; i < m->n_out; i++) {
        out[i] = PROCESSOR_VALUE_NONE;
        out[i].fd = fd_at(r, (int8_t)get_u8(r), fds, n_fds);
    }
}

int processor_wire_read_task(const void *data, size_t len, const int *fds, size_t n_fds,
                             const processor_module **ret_module, processor_value *in,
                             processor_value *out)
{
    reader r = {data, len, false};
    uint32_t magic;
    get(&r, &magic, sizeof(magic));
    const processor_module *m = get_module(&r);
    if (r.is_bad || magic != MAGIC || get_u8(&r) != m->n_in) {
        return -EBADMSG;
    }
    read_ports(&r, m, fds, n_fds, in, out);
    if (r.is_bad || r.left > 0) {
        for (size_t i = 0; i < m->n_in; i++) {
            free(in[i].text);
            in[i].text = NULL;
        }
        return -EBADMSG;
    }
    *ret_module = m;
    return 0;
}

/* Keeps of a child's value only what it may decide. */
static void complete(const processor_port *port, processor_value *from, processor_value *to)
{
    to->type = port->type;
    if (to->fd >= 0) {
        to->size = from->size;
        to->audio = from->audio;
    } else {
        to->text = RF_STEAL(from->text);
    }
}

static void read_end(reader *r, const processor_module *module, processor_reply *ret,
                     processor_value *out)
{
    int32_t err;
    get(r, &err, sizeof(err));
    ret->err = err;
    RF_CLEANUP(rf_cleanup_free) char *message = get_string(r);
    rf_copy_str(ret->message, sizeof(ret->message), message == NULL ? "" : message);
    r->is_bad |= get_u8(r) != module->n_out || err > 0;
    for (size_t i = 0; i < module->n_out && !r->is_bad; i++) {
        processor_value v = get_value(r);
        if (!r->is_bad && err == 0 && v.type != PROCESSOR_NONE) {
            complete(&module->out[i], &v, &out[i]);
        }
        free(v.text);
    }
}

int processor_wire_read_reply(const void *data, size_t len, const processor_module *module,
                              processor_reply *ret, processor_value *out)
{
    reader r = {data, len, false};
    uint8_t percent;
    *ret = (processor_reply){0};
    switch (get_u8(&r)) {
    case PROGRESS:
        percent = get_u8(&r);
        ret->percent = RF_MIN(percent, 100u);
        break;
    case END:
        ret->is_end = true;
        read_end(&r, module, ret, out);
        break;
    default:
        return -EBADMSG;
    }
    return r.is_bad || r.left > 0 ? -EBADMSG : 0;
}
