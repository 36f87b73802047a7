/*
 * rf_install.h - where this project's own programs and shipped files lie: `bin/` beside the running
 * program (or the folder that REFLECTION_BIN names) and `share/reflection/` next to that folder. It
 * is the same in a build directory and in an installation. Any thread.
 */
#ifndef RF_INSTALL_H
#define RF_INSTALL_H

#include "rf_base.h"

/* rf_install_program writes the absolute path of an executable program. Returns 0, -ENOENT or
 * -EACCES when it cannot be run, -ENOSPC when path is too small. */
int rf_install_program(const char *name, char *path, size_t path_size) RF_MUST_USE;

/* rf_install_share writes the absolute path of a shipped file or folder, `name` as below
 * `share/reflection/`. Returns 0, -ENOENT when it is missing, -ENOSPC when path is too small. */
int rf_install_share(const char *name, char *path, size_t path_size) RF_MUST_USE;

#endif
