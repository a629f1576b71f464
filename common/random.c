#include "common/random.h"

#include "common/fatal.h"
#include "common/fault.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* What a few bytes cost is the call: they come out of a supply of the thread, from where they are wiped. The process
 * never forks without exec, which would give two of them the same ones. */
enum { SUPPLY_LEN = 4096, FEW = 64 };

struct supply {
    unsigned char bytes[SUPPLY_LEN];
    size_t left;
};

static _Thread_local struct supply supply;

static void generate(void *bytes, size_t len) {
    if (FAULT("random.bytes", 0) || RAND_bytes(bytes, (int)len) != 1) {
        fatal_say("hookshift: the system gives no random bytes");
        abort();
    }
}

void random_bytes(void *bytes, size_t len) {
    if (len > FEW) {
        generate(bytes, len);
        return;
    }
    if (len > supply.left) {
        generate(supply.bytes, sizeof supply.bytes);
        supply.left = sizeof supply.bytes;
    }
    supply.left -= len;
    memcpy(bytes, supply.bytes + supply.left, len);
    memset(supply.bytes + supply.left, 0, len);
}
