/* Random bytes from OpenSSL's generator; any thread. */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include "common/base.h"

void random_bytes(void *bytes, size_t len); /* aborts where the system has none to give */

#endif
