/*
 * job_catalogue.h - the modules that workflows may use: names and typed ports, read from a file
 * that the workers' side publishes (modules.json); its "schemas" are JSON Schemas of what JSON
 * outputs hold, by "MODULE.PORT". Read-only after loading; any thread may read.
 */
#ifndef JOB_CATALOGUE_H
#define JOB_CATALOGUE_H

#include "rf_base.h"
#include "rf_buf.h"

typedef enum job_port_type {
    JOB_PORT_URL,
    JOB_PORT_STRING,
    JOB_PORT_INTEGER,
    JOB_PORT_NUMBER,
    JOB_PORT_BOOLEAN,
    JOB_PORT_AUDIO,
    JOB_PORT_FEATURES,
    JOB_PORT_JSON,
    JOB_PORT_WAV,
    JOB_PORT_FILE,
} job_port_type;
#define JOB_N_PORT_TYPES 10

typedef struct job_port {
    char *name;
    job_port_type type;
    bool required; /* inputs only */
    char *schema;  /* of a JSON output's content: JSON text, NULL when the file has none */
} job_port;

typedef struct job_module {
    char *name;
    int64_t version; /* of what it does to the same bytes */
    job_port *in;
    size_t n_in;
    job_port *out;
    size_t n_out;
} job_module;

typedef struct job_catalogue job_catalogue;

/* job_catalogue_load reads the file. On failure error names file and key. Returns 0, -EBADMSG or
 * the errno of the file. */
int job_catalogue_load(const char *path, rf_buf *error, job_catalogue **ret) RF_MUST_USE;
job_catalogue *job_catalogue_free(job_catalogue *c);

/* job_catalogue_find returns the module of a name, job_module_port one of its ports; NULL when
 * there is none. */
const job_module *job_catalogue_find(const job_catalogue *c, const char *name);
const job_port *job_module_port(const job_port *ports, size_t n, const char *name);

const char *job_port_type_name(job_port_type type);
int job_port_type_parse(const char *name, job_port_type *ret);

/* job_port_takes says whether a port of type to may be fed by from: its own type, and a string port
 * also by numbers. */
bool job_port_takes(job_port_type to, job_port_type from);

#endif
