#include "common/random.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

void random_bytes(void *bytes, size_t len) {
    if (RAND_bytes(bytes, (int)len) != 1) {
        fprintf(stderr, "hookshift: the system gives no random bytes\n");
        abort();
    }
}
