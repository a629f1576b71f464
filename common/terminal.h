/* What standard output leads to. */
#ifndef COMMON_TERMINAL_H
#define COMMON_TERMINAL_H

#include "common/base.h"

/* Columns of the terminal that standard output is; 0 where it is none: a pipe or a file, which is given everything. */
size_t terminal_columns(void);

#endif
